// Changes one value in the text of chasqui.toml and leaves everything else, comments too, as the operator wrote it. What
// comes out is parsed and compared: either exactly the one value is another, or nothing is written.
import { isDeepStrictEqual } from 'node:util'
import { parse } from 'smol-toml'
import { ChasquiError } from '../../src/errors.ts'
import { readTables } from '../../src/member/links-switch.ts'
import { checkConfig, fromFile } from '../../src/system/config.ts'
import { nodeSchema } from './schema.ts'
import { formatToml } from './toml.ts'

type Tables = Record<string, unknown>

/** The text with `key` (dotted) set to `value` (TOML, or plain text). Throws CONFIG_*. */
export function editConfig(text: string, path: string, key: string, value: string): string {
  const keys = key.split('.')
  const [parsed, wanted] = fittingValue(readTables(text, path), path, keys, value)
  const edited = editText(text, keys, formatToml(parsed))
  // clones, because the parser's tables have no prototype
  if (!isDeepStrictEqual(tablesOf(edited, path), structuredClone(wanted))) {
    throw new ChasquiError('CONFIG_INVALID', `${path}: ${key}: cannot be changed in place`, {
      hint: 'change it with an editor; "chasqui node config check" says whether it is right'
    })
  }
  return edited
}

/** The value and the tables with it; a name such as 5 is text where the schema wants text. Throws CONFIG_*. */
function fittingValue(tables: Tables, path: string, keys: readonly string[], text: string) {
  const parsed = parseValue(text)
  const check = (value: unknown): [unknown, Tables] => {
    const wanted = withValue(tables, keys, value)
    checkConfig(fromFile(wanted, path), nodeSchema)
    return [value, wanted]
  }
  try {
    return check(parsed)
  } catch (error) {
    if (typeof parsed === 'string') throw error
    try {
      return check(text)
    } catch {
      throw error
    }
  }
}

/** null: the edit made no sense of it, as when a key exists as [[tables]] too */
function tablesOf(text: string, path: string): Tables | null {
  try {
    return structuredClone(readTables(text, path))
  } catch {
    return null
  }
}

function parseValue(text: string): unknown {
  try {
    return parse(`value = ${text}`).value
  } catch {
    return text
  }
}

function withValue(tables: Tables, keys: readonly string[], value: unknown): Tables {
  const [first = '', ...rest] = keys
  if (rest.length === 0) return { ...tables, [first]: value }
  const inner = Object.hasOwn(tables, first) ? tables[first] : {}
  const isTable = typeof inner === 'object' && inner !== null && !Array.isArray(inner)
  return { ...tables, [first]: withValue(isTable ? (inner as Tables) : {}, rest, value) }
}

/** Replaces the line of the key, else adds one to its table, else adds the table at the end. */
function editText(text: string, keys: readonly string[], value: string): string {
  const table = keys.slice(0, -1).join('.')
  const name = keys.at(-1) ?? ''
  const lines = text === '' ? [] : text.replace(/\n$/, '').split('\n')
  const start = table === '' ? -1 : lines.findIndex((line) => headerOf(line) === table)
  if (table !== '' && start < 0) return [...lines, '', `[${table}]`, `${name} = ${value}`, ''].join('\n')
  const next = lines.findIndex((line, i) => i > start && headerOf(line) !== null)
  const end = next < 0 ? lines.length : next
  const at = lines.findIndex((line, i) => i > start && i < end && keyOf(line) === name)
  if (at < 0) lines.splice(start + 1, 0, `${name} = ${value}`)
  else lines.splice(at, valueLines(lines, at, end), `${name} = ${value}${commentOf(lines[at] ?? '')}`)
  return `${lines.join('\n')}\n`
}

function headerOf(line: string): string | null {
  return /^\s*\[+\s*([^\]]+?)\s*\]+\s*(?:#.*)?$/.exec(line)?.[1] ?? null
}

function keyOf(line: string): string | null {
  return /^\s*"?([A-Za-z0-9_-]+)"?\s*=/.exec(line)?.[1] ?? null
}

/** How many lines the value that starts at `at` takes: as few as make a whole TOML document. */
function valueLines(lines: readonly string[], at: number, end: number): number {
  for (let count = 1; at + count <= end; count++) {
    try {
      parse(lines.slice(at, at + count).join('\n'))
      return count
    } catch {
      // an array that goes on
    }
  }
  return 1
}

/** A comment after a value without any quotes or further signs. */
function commentOf(line: string): string {
  return /^[^"'#]*(?:"[^"\\]*"|'[^']*')?\s*(#.*)$/.exec(line)?.[1]?.replace(/^/, ' ') ?? ''
}
