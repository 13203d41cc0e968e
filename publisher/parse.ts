// Option values of the command line.
import { InvalidArgumentError } from 'commander'
import { parseDuration } from '../src/fleet/units.ts'
import { LIMITS } from '../src/trust/limits.ts'

/** `25` or `25%`, from 0 to 100. */
export function parsePercentage(text: string): number {
  const value = Number(text.replace(/%$/, ''))
  if (text.trim() !== '' && value >= 0 && value <= 100) return value
  throw new InvalidArgumentError('it must be a percentage from 0 to 100')
}

/** `3/10`: three failures that are ten per cent of those who tried. */
export function parseHaltAfter(text: string): { failures: number; percentage: number } {
  const match = /^(\d+)\/(\d+(?:\.\d+)?)%?$/.exec(text)
  if (match === null) throw new InvalidArgumentError('write it as FAILURES/PERCENT, for example 3/10')
  return { failures: Number(match[1]), percentage: parsePercentage(match[2] as string) }
}

/** `10:24`: ten per cent, for 24 hours. */
export function parsePhase(text: string): { percentage: number; soak: number } {
  const match = /^(\d+(?:\.\d+)?)%?:(\d+(?:\.\d+)?)h?$/.exec(text)
  if (match === null) throw new InvalidArgumentError('write it as PERCENT:HOURS, for example 10:24')
  return { percentage: parsePercentage(match[1] as string), soak: Number(match[2]) }
}

/** `30d`, `12 hours` → milliseconds. */
export function parseExpiry(text: string): number {
  const value = parseDuration(text.replace(/d$/, ' days'))
  if (value !== undefined && value > 0) return value
  throw new InvalidArgumentError('write it as 30d or "12 hours"')
}

/** A moment in RFC 3339 → ms since the epoch. */
export function parseTime(text: string): number {
  const time = Date.parse(text)
  if (/^\d{4}-\d\d-\d\d/.test(text) && Number.isFinite(time)) return time
  throw new InvalidArgumentError('write it as 2026-01-31T12:00:00Z')
}

/** Whose key it is: no more than a key file may say, or nobody could read it back. */
export function parseLabel(text: string): string {
  if (text.length <= LIMITS.keyLabel) return text
  throw new InvalidArgumentError(`it may have ${LIMITS.keyLabel} characters, not ${text.length}`)
}
