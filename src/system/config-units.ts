// Values of chasqui.toml that are written with a unit, parsed once, at the border, into numbers.
import { z } from 'zod'
import { parseDuration, parseSize } from '../fleet/units.ts'

const RATES: Readonly<Record<string, number>> = {
  'bit/s': 1 / 8,
  'kbit/s': 125,
  'Mbit/s': 125_000,
  'Gbit/s': 125_000_000,
  'kB/s': 1e3,
  'MB/s': 1e6,
  'KiB/s': 1024,
  'MiB/s': 1024 ** 2
}

/** `2 Mbit/s` → bytes per second; undefined when it is not a rate. */
function parseRate(text: string): number | undefined {
  const match = /^(\d{1,9}(?:\.\d{1,3})?) ?([A-Za-z]+\/s)$/.exec(text.trim())
  const unit = match?.[2]
  if (unit === undefined || !Object.hasOwn(RATES, unit)) return undefined
  return Math.round(Number(match?.[1]) * (RATES[unit] as number))
}

/** `20 GiB` → bytes */
export const size = quantity(parseSize, 'a size such as "20 GiB"')
/** `2 Mbit/s` → bytes per second */
export const rate = quantity(parseRate, 'a rate such as "2 Mbit/s"')
/** `90 s` → milliseconds */
export const duration = quantity(parseDuration, 'a time such as "90 s"')

function quantity(parse: (text: string) => number | undefined, expected: string) {
  return z.string({ error: `expected ${expected}` }).transform((text, context) => {
    const value = parse(text)
    if (value !== undefined) return value
    context.addIssue({ code: 'custom', message: `expected ${expected}` })
    return z.NEVER
  })
}
