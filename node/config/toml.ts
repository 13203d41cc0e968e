// Values as one line of TOML, tables inline: what `config list` and `config get` print is what `config set` takes.
import { stringify } from 'smol-toml'

/** A value of the file on one line. */
export function formatToml(value: unknown): string {
  if (Array.isArray(value)) return value.length === 0 ? '[]' : `[ ${value.map(formatToml).join(', ')} ]`
  if (typeof value === 'object' && value !== null && !(value instanceof Date)) return inlineTable(value)
  return stringify({ value })
    .replace(/^value = /, '')
    .trimEnd()
}

function inlineTable(table: object): string {
  const entries = Object.entries(table).map(([key, value]) => `${formatKey(key)} = ${formatToml(value)}`)
  return entries.length === 0 ? '{}' : `{ ${entries.join(', ')} }`
}

/** A part of a dotted key, quoted where TOML wants it. */
export function formatKey(key: string): string {
  return /^[A-Za-z0-9_-]+$/.test(key) ? key : JSON.stringify(key)
}
