// Reads chasqui.toml as a whole: TOML, then values of the environment, then a zod schema. Every error names the file, the key, what was expected and, for
// a key that nobody knows, the nearest one that is known.
import { parse as parseToml, TomlError } from 'smol-toml'
import type { z } from 'zod'
import { ChasquiError } from '../errors.ts'
import { knownKeys } from './config-schema.ts'
import { readFileLimited } from './durable.ts'
import type { ReadableFileSystem } from './file-system.ts'
import { nearest } from './nearest.ts'

const CONFIG_LIMIT = 1024 * 1024 // bytes

/** The text of a configuration file; '' when there is none (everything has a default). */
export async function readConfigText(fs: ReadableFileSystem, path: string): Promise<string> {
  const bytes = await readFileLimited(fs, path, CONFIG_LIMIT)
  return bytes === null ? '' : new TextDecoder().decode(bytes)
}

/** The raw tables of a TOML text. Throws CONFIG_SYNTAX. */
export function parseConfigTables(text: string, path: string): Record<string, unknown> {
  try {
    return parseToml(text)
  } catch (cause) {
    const where = cause instanceof TomlError ? `${path}:${cause.line}:${cause.column}` : path
    const what = cause instanceof Error ? (cause.message.split('\n')[0] ?? '') : String(cause)
    throw new ChasquiError('CONFIG_SYNTAX', `${where}: ${what.replace(/^Invalid TOML document: /, '')}`, {
      cause,
      hint: 'texts need quotes; a [table] may appear once'
    })
  }
}

/** Where values come from, so that an error names the right place. */
export interface ConfigSource {
  /** path of chasqui.toml */
  file: string
  tables: Record<string, unknown>
  /** `node.name` → the variable of the environment that set it */
  variables: ReadonlyMap<string, string>
}

/** Tables that no variable of the environment has touched. */
export function fromFile(tables: Record<string, unknown>, file: string): ConfigSource {
  return { file, tables, variables: new Map() }
}

/** Validates raw tables. Throws CONFIG_UNKNOWN_KEY or CONFIG_INVALID for the first thing that is wrong. */
export function checkConfig<T>(source: ConfigSource, schema: z.ZodType<T>): T {
  const parsed = schema.safeParse(source.tables)
  if (parsed.success) return parsed.data
  const issue = deepest(parsed.error.issues)
  if (issue.code === 'unrecognized_keys') throw unknownKey(source, schema, issue)
  const key = keyName(issue.path)
  const isMissing = issue.path.length > 0 && valueAt(source.tables, issue.path) === undefined
  const what = isMissing ? `is missing, ${describe(issue)}` : describe(issue)
  throw new ChasquiError('CONFIG_INVALID', `${blamed(source, issue.path)}: ${key}: ${what}`, {
    hint: `correct ${variableOf(source, issue.path) ?? `${key} in the file`}`
  })
}

function variableOf(source: ConfigSource, path: readonly PropertyKey[]): string | undefined {
  return source.variables.get(path.slice(0, 2).join('.'))
}

/** The file, or the variable that stands in its place. */
function blamed(source: ConfigSource, path: readonly PropertyKey[]): string {
  const variable = variableOf(source, path)
  return variable === undefined ? source.file : `${variable} in the environment`
}

function valueAt(tables: unknown, path: readonly PropertyKey[]): unknown {
  let at = tables
  for (const part of path) {
    if (typeof at !== 'object' || at === null) return undefined
    at = (at as Record<PropertyKey, unknown>)[part]
  }
  return at
}

/**
 * What the environment sets in place of the file: `CHASQUI_LINKS_INTERNET=false` is `links.internet`, for keys of the
 * given tables that are plain values; a value is TOML, or else plain text.
 */
export function withEnvironment(
  source: ConfigSource,
  names: readonly string[],
  environment: NodeJS.ProcessEnv
): ConfigSource {
  const tables = { ...source.tables }
  const variables = new Map(source.variables)
  for (const [variable, text] of Object.entries(environment)) {
    const table = names.find((name) => variable.startsWith(`CHASQUI_${name.toUpperCase()}_`))
    if (table === undefined || text === undefined || text === '') continue
    const key = variable.slice(`CHASQUI_${table}_`.length).toLowerCase().replaceAll('_', '-')
    tables[table] = { ...(tables[table] as Record<string, unknown> | undefined), [key]: tomlOrText(text) }
    variables.set(`${table}.${key}`, variable)
  }
  return { ...source, tables, variables }
}

function tomlOrText(text: string): unknown {
  try {
    return parseToml(`value = ${text}`).value
  } catch {
    return text
  }
}

type Issue = z.core.$ZodIssue

/** The issue that says most: unknown keys first (a typing error explains the rest), unions by their closest branch. */
function deepest(issues: readonly Issue[]): Issue {
  const unknown = issues.find((issue) => issue.code === 'unrecognized_keys')
  const issue = unknown ?? (issues[0] as Issue)
  if (issue.code !== 'invalid_union' || issue.errors.length === 0) return issue
  const branches = issue.errors.filter((branch) => branch.length > 0)
  const closest = branches.sort((a, b) => depth(b) - depth(a))[0]
  if (closest === undefined || depth(closest) === 0) return issue
  const inner = deepest(closest)
  return { ...inner, path: [...issue.path, ...inner.path] }
}

function depth(issues: readonly Issue[]): number {
  return Math.max(...issues.map((issue) => issue.path.length + (issue.code === 'unrecognized_keys' ? 1 : 0)))
}

function describe(issue: Issue): string {
  if (issue.code === 'invalid_union') {
    const wanted = issue.errors.flat().map((one) => describe(one).replace(/^expected /, ''))
    return `expected ${[...new Set(wanted)].join(', or ')}`
  }
  return issue.message
    .replace(/^Invalid (input|option): /, '')
    .replace(/, received undefined$/, '')
    .slice(0, 300)
}

function unknownKey(
  source: ConfigSource,
  schema: z.ZodType,
  issue: Issue & { code: 'unrecognized_keys' }
): ChasquiError {
  const key = issue.keys[0] ?? ''
  const known = knownKeys(schema, issue.path, source.tables)
  const near = nearest(key, known)
  const name = keyName([...issue.path, key])
  const keys = known.length === 0 ? 'nothing is known there' : `known here: ${known.sort().join(', ')}`
  const hint = near === null ? keys : `did you mean "${near}"? ${keys}`
  return new ChasquiError(
    'CONFIG_UNKNOWN_KEY',
    `${blamed(source, [...issue.path, key])}: ${name}: unknown key`,
    { hint }
  )
}

/** `apps.tienda.checks[0].url` */
function keyName(path: readonly PropertyKey[]): string {
  if (path.length === 0) return 'the file'
  return path
    .map((part, i) => (typeof part === 'number' ? `[${part}]` : (i > 0 ? '.' : '') + String(part)))
    .join('')
}
