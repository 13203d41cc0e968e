// Reads chasqui.toml as a whole: TOML, then values of the environment, then a zod schema. Every error names the file, the key, what was expected and, for
// a key that nobody knows, the nearest one that is known.
import { parse as parseToml, TomlError } from 'smol-toml'
import { z } from 'zod'
import { ChasquiError } from '../errors.ts'
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

/** Validates raw tables. Throws CONFIG_UNKNOWN_KEY or CONFIG_INVALID for the first thing that is wrong. */
export function checkConfig<T>(raw: unknown, path: string, schema: z.ZodType<T>): T {
  const parsed = schema.safeParse(raw)
  if (parsed.success) return parsed.data
  const issue = deepest(parsed.error.issues)
  throw issue.code === 'unrecognized_keys'
    ? unknownKey(path, schema, issue)
    : new ChasquiError('CONFIG_INVALID', `${path}: ${keyName(issue.path)}: ${describe(issue)}`, {
        hint: 'see "chasqui node config list" for every key and its value'
      })
}

/**
 * The tables with what the environment sets in place of the file: `CHASQUI_LINKS_INTERNET=false` is `links.internet`,
 * for keys of the given tables that are plain values; a value is TOML, or else plain text.
 */
export function withEnvironment(
  tables: Record<string, unknown>,
  names: readonly string[],
  environment: NodeJS.ProcessEnv
): Record<string, unknown> {
  const merged = { ...tables }
  for (const [variable, text] of Object.entries(environment)) {
    const table = names.find((name) => variable.startsWith(`CHASQUI_${name.toUpperCase()}_`))
    if (table === undefined || text === undefined || text === '') continue
    const key = variable.slice(`CHASQUI_${table}_`.length).toLowerCase().replaceAll('_', '-')
    merged[table] = { ...(merged[table] as Record<string, unknown> | undefined), [key]: tomlOrText(text) }
  }
  return merged
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
  return issue.message.replace(/^Invalid (input|option): /, '').slice(0, 300)
}

function unknownKey(
  path: string,
  schema: z.ZodType,
  issue: Issue & { code: 'unrecognized_keys' }
): ChasquiError {
  const key = issue.keys[0] ?? ''
  const known = knownKeys(schema, issue.path)
  const near = nearest(key, known)
  const name = keyName([...issue.path, key])
  const keys = known.length === 0 ? 'nothing is known there' : `known here: ${known.sort().join(', ')}`
  const hint = near === null ? keys : `did you mean "${near}"? ${keys}`
  return new ChasquiError('CONFIG_UNKNOWN_KEY', `${path}: ${name}: unknown key`, { hint })
}

/** `apps.tienda.checks[0].url` */
function keyName(path: readonly PropertyKey[]): string {
  if (path.length === 0) return 'the file'
  return path
    .map((part, i) => (typeof part === 'number' ? `[${part}]` : (i > 0 ? '.' : '') + String(part)))
    .join('')
}

/** The keys that a schema knows at a place. */
function knownKeys(schema: z.ZodType, path: readonly PropertyKey[]): string[] {
  let at: z.core.$ZodType[] = [schema]
  for (const part of path) at = at.flatMap(unwrap).flatMap((one) => step(one, part))
  const objects = at.flatMap(unwrap).filter((one) => one instanceof z.ZodObject)
  return [...new Set(objects.flatMap((one) => Object.keys(one.shape)))]
}

function step(schema: z.core.$ZodType, part: PropertyKey): z.core.$ZodType[] {
  if (schema instanceof z.ZodObject) {
    const inner = schema.shape[String(part)]
    return inner === undefined ? [] : [inner]
  }
  if (schema instanceof z.ZodRecord) return [schema.valueType]
  if (schema instanceof z.ZodArray) return [schema.element]
  return []
}

/** What stands behind optional, default, transform and union. */
function unwrap(schema: z.core.$ZodType): z.core.$ZodType[] {
  if (
    schema instanceof z.ZodOptional ||
    schema instanceof z.ZodDefault ||
    schema instanceof z.ZodPrefault ||
    schema instanceof z.ZodNullable
  ) {
    return unwrap(schema.unwrap())
  }
  if (schema instanceof z.ZodPipe) return unwrap(schema.in)
  if (schema instanceof z.ZodUnion) return schema.options.flatMap(unwrap)
  return [schema]
}
