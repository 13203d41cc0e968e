// A second reader of release.json, written from docs/FORMAT.md 3 alone. It shares no code with src.
import { demand } from './refused.ts'

type Json = Record<string, unknown>
type Check = (value: unknown) => boolean

const isObject = (value: unknown): value is Json =>
  typeof value === 'object' && value !== null && !Array.isArray(value)
const text =
  (least: number, most: number): Check =>
  (value) =>
    typeof value === 'string' && value.length >= least && value.length <= most
const form =
  (pattern: RegExp): Check =>
  (value) =>
    typeof value === 'string' && pattern.test(value)
const oneOf =
  (...known: unknown[]): Check =>
  (value) =>
    known.includes(value)
const list =
  (most: number, item: Check): Check =>
  (value) =>
    Array.isArray(value) && value.length <= most && value.every(item)
const count =
  (most: number): Check =>
  (value) =>
    Number.isSafeInteger(value) && (value as number) >= 0 && (value as number) <= most
const optional =
  (check: Check): Check =>
  (value) =>
    value === undefined || check(value)
const fields =
  (checks: Record<string, Check>): Check =>
  (value) =>
    isObject(value) && Object.entries(checks).every(([name, check]) => check(value[name]))

const noDots = /^(?!.*\.\.)(?!.*\.$)/
const moduleName: Check = (value) => form(/^[a-z][a-z0-9_.-]{0,99}$/)(value) && form(noDots)(value)
const trackName: Check = (value) => form(/^[A-Za-z0-9][A-Za-z0-9_.-]{0,49}$/)(value) && form(noDots)(value)
const names = optional(list(1000, form(/^[A-Za-z0-9][A-Za-z0-9_.:-]{0,99}$/)))
const hash = form(/^[0-9a-f]{64}$/)
const version = text(1, 64)
const range = text(1, 256)
const time: Check = (value) =>
  form(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$/)(value) &&
  new Date(value as string).toString() !== 'Invalid Date' &&
  new Date(value as string).toISOString().slice(0, 19) === (value as string).slice(0, 19)
const requires: Check = (value) =>
  isObject(value) &&
  Object.keys(value).length <= 1000 &&
  Object.entries(value).every(([module, each]) => moduleName(module) && range(each))

// FORMAT 3
const release = fields({
  schema: oneOf(1),
  module: moduleName,
  track: trackName,
  version,
  order: oneOf('semver', 'odoo', 'four-part', 'date'),
  created: time,
  author: optional(text(0, 200)),
  notes: optional(text(0, 65_536)),
  severity: oneOf('critical', 'normal'),
  kind: oneOf('directory', 'overlay'),
  files: fields({ root: hash, count: count(250_000), bytes: count(2 ** 40) }),
  requires: optional(requires),
  compat: optional(fields({ app: optional(range), platform: names })),
  after: optional(version),
  previous: optional(version),
  migrations: names,
  steps: names,
  checks: names,
  labels: names,
  deletes: optional(list(50_000, text(1, 240))),
  packs: list(
    1000,
    fields({
      sha256: hash,
      bytes: count(2 ** 53),
      kind: oneOf('full', 'delta'),
      base: optional(version)
    })
  )
})

// FORMAT 3.2
const N = '(?:0|[1-9]\\d{0,8})'
const BUILD = '(?:\\+[0-9A-Za-z-]+(?:\\.[0-9A-Za-z-]+)*)?$'
const ORDERS: Record<string, RegExp> = {
  semver: new RegExp(
    `^${N}\\.${N}\\.${N}(?:-(?:${N}|\\d*[A-Za-z-][0-9A-Za-z-]*)(?:\\.(?:${N}|\\d*[A-Za-z-][0-9A-Za-z-]*))*)?${BUILD}`
  ),
  odoo: new RegExp(`^${N}\\.0(?:\\.${N}){1,3}${BUILD}`),
  'four-part': new RegExp(`^${N}(?:\\.${N}){1,3}${BUILD}`),
  date: new RegExp(`^\\d{4}(?:-\\d\\d-|\\.\\d\\d\\.|\\d\\d)\\d\\d(?:\\.${N})?${BUILD}`)
}

/** What a publisher would write for it, or a refusal. */
export function readRelease(bytes: Buffer): string {
  const found = parse(bytes)
  demand(bytes.length <= 2 ** 20 && release(found), 'RELEASE_INVALID')
  const { order, version: own, after, previous, packs } = found as Json & { packs: Json[] }
  const bases = packs.map(({ base }) => base)
  for (const each of [own, after, previous, ...bases]) {
    demand(each === undefined || form(ORDERS[order as string] as RegExp)(each), 'RELEASE_INVALID')
  }
  const fits = packs.every(({ kind, base }) => (kind === 'delta') === (base !== undefined) && base !== own)
  demand(packs.length > 0 && fits && new Set(bases).size === bases.length, 'RELEASE_INVALID')
  return sorted(found)
}

function parse(bytes: Buffer): unknown {
  try {
    return JSON.parse(new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes))
  } catch {
    return null
  }
}

function sorted(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(sorted).join(',')}]`
  if (!isObject(value)) return JSON.stringify(value)
  const keys = Object.keys(value).sort()
  return `{${keys.map((key) => `${JSON.stringify(key)}:${sorted(value[key])}`).join(',')}}`
}
