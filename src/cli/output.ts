// What the command line prints: results on stdout (text for people or exactly one JSON document), everything else on
// stderr. Nothing else in Chasqui writes to stdout or stderr.
import { stripVTControlCharacters, styleText } from 'node:util'
import type { ControlEvent } from '../control/commands.ts'
import { asChasquiError, type ChasquiError, errorJson, withHint } from '../errors.ts'

export interface OutputOptions {
  json: boolean
  quiet: boolean
  verbose: boolean
  colour: boolean
}

export type Style = 'bold' | 'dim' | 'red' | 'green' | 'yellow' | 'cyan'

export interface Output {
  readonly options: OutputOptions
  /** The command's result: one JSON document with --json, else the text. */
  result(value: unknown, text: string): void
  /** One line of an NDJSON stream with --json, else the text; for commands that run until stopped. */
  stream(value: ControlEvent, text: string): void
  /** A remark for people on stderr; dropped with --quiet. */
  note(text: string): void
  /** Progress on one line of a TTY; dropped elsewhere. */
  progress(text: string): void
  style(style: Style, text: string): string
  /** Prints an error as the contract says and returns the exit status. */
  error(thrown: unknown): number
  /** The error of a command that has a result all the same: on stderr only. Returns the exit status. */
  complain(error: ChasquiError): number
}

export function createOutput(options: OutputOptions): Output {
  const tty = process.stderr.isTTY === true
  let pending = false
  const clear = () => {
    if (pending) process.stderr.write('\r\x1b[K')
    pending = false
  }
  const style = (name: Style, text: string) =>
    options.colour ? styleText(name, text, { validateStream: false }) : text
  const complain = (thrown: ChasquiError) => {
    clear()
    const error = withHint(thrown)
    const lines = [`${style('red', 'chasqui')}: ${error.code}: ${error.message}`, `hint: ${error.hint}`]
    for (let { cause } = error; options.verbose && cause instanceof Error; cause = cause.cause) {
      lines.push(String(cause.stack))
    }
    process.stderr.write(`${lines.join('\n')}\n`)
    return error.exit
  }
  return {
    options,
    style,
    complain,
    result(value, text) {
      clear()
      process.stdout.write(options.json ? `${JSON.stringify(value)}\n` : endWithNewline(text))
    },
    stream(value, text) {
      clear()
      process.stdout.write(options.json ? `${JSON.stringify(value)}\n` : endWithNewline(text))
    },
    note(text) {
      if (options.quiet) return
      clear()
      process.stderr.write(endWithNewline(text))
    },
    progress(text) {
      if (!tty || options.quiet || options.json) return
      clear()
      process.stderr.write(text.slice(0, (process.stderr.columns ?? 80) - 1))
      pending = true
    },
    error(thrown) {
      clear()
      const error = withHint(asChasquiError(thrown))
      if (options.json) process.stdout.write(`${JSON.stringify({ error: errorJson(error) })}\n`)
      return complain(error)
    }
  }
}

function endWithNewline(text: string): string {
  return text === '' || text.endsWith('\n') ? text : `${text}\n`
}

/** Columns padded to the widest cell (colour codes do not count); the first row is the head. */
export function formatTable(rows: readonly (readonly string[])[]): string {
  const width = (text: string) => stripVTControlCharacters(text).length
  const widths: number[] = []
  for (const row of rows)
    row.forEach((cell, i) => {
      widths[i] = Math.max(widths[i] ?? 0, width(cell))
    })
  const line = (row: readonly string[]) =>
    row
      .map((cell, i) => (i === row.length - 1 ? cell : cell + ' '.repeat((widths[i] ?? 0) - width(cell))))
      .join('  ')
      .trimEnd()
  return rows.map(line).join('\n')
}

/** 1, 'report' → "1 report"; 2 → "2 reports". */
export function formatCount(count: number, noun: string): string {
  return `${count} ${noun}${count === 1 ? '' : 's'}`
}

/** 1234567 → "1.2 MB" (powers of 1000). */
export function formatBytes(bytes: number): string {
  const units = ['B', 'kB', 'MB', 'GB', 'TB']
  let value = bytes
  let unit = 0
  while (value >= 999.5 && unit < units.length - 1) {
    value /= 1000
    unit++
  }
  return `${unit === 0 || value >= 100 ? Math.round(value) : value.toFixed(1)} ${units[unit]}`
}

/** Milliseconds → "340 ms", "2.1 s", "3 min 5 s". */
export function formatDuration(ms: number): string {
  if (ms < 1000) return `${Math.round(ms)} ms`
  if (ms < 60_000) return `${(ms / 1000).toFixed(1)} s`
  return `${Math.floor(ms / 60_000)} min ${Math.round((ms % 60_000) / 1000)} s`
}
