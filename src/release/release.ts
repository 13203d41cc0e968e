// release.json (FORMAT 3): what a release is. It is a TUF target: its hash and length are signed, its bytes are kept as
// they are. Unknown fields are kept and ignored, so that a later version can add some.
import { z } from 'zod'
import { ChasquiError } from '../errors.ts'
import { isModuleName, isTrackName } from './names.ts'
import { checkRange } from './range.ts'
import { parseVersion, VERSION_LIMIT, VERSION_ORDERS } from './version.ts'

export const RELEASE_LIMITS = {
  bytes: 1024 * 1024, // of release.json
  notes: 64 * 1024, // characters
  names: 1_000, // requires, migrations, steps, checks, labels, packs
  deletes: 50_000,
  files: 250_000,
  fileBytes: 2 ** 40 // of all files together
} as const

const HASH = z.string().regex(/^[0-9a-f]{64}$/)
const COUNT = z.int().nonnegative()
const VERSION = z.string().min(1).max(VERSION_LIMIT)
const NAME = z.string().regex(/^[a-z0-9][a-z0-9_.:-]{0,99}$/i)
const MODULE = z.string().refine(isModuleName)
const RANGE = z.string().min(1).max(256)
const TIME = z.iso.datetime({ precision: 0 })
const PATH = z.string().min(1).max(240)
const names = z.array(NAME).max(RELEASE_LIMITS.names)

const pack = z.looseObject({
  sha256: HASH,
  bytes: COUNT,
  kind: z.enum(['full', 'delta']),
  /** the version that a delta builds on */
  base: VERSION.optional()
})

const release = z.looseObject({
  schema: z.literal(1),
  module: MODULE,
  track: z.string().refine(isTrackName),
  version: VERSION,
  order: z.enum(VERSION_ORDERS),
  /** RFC 3339, UTC, whole seconds */
  created: TIME,
  author: z.string().max(200).optional(),
  /** Markdown */
  notes: z.string().max(RELEASE_LIMITS.notes).optional(),
  severity: z.enum(['critical', 'normal']),
  kind: z.enum(['directory', 'overlay']),
  files: z.looseObject({
    root: HASH,
    count: COUNT.max(RELEASE_LIMITS.files),
    bytes: COUNT.max(RELEASE_LIMITS.fileBytes)
  }),
  /** module → range of its version */
  requires: z
    .record(z.string(), RANGE)
    .refine((all) => Object.keys(all).length <= RELEASE_LIMITS.names)
    .refine((all) => Object.keys(all).every(isModuleName))
    .optional(),
  compat: z.looseObject({ app: RANGE.optional(), platform: names.optional() }).optional(),
  /** stepping stone: what must have been installed first */
  after: VERSION.optional(),
  migrations: names.optional(),
  steps: names.optional(),
  checks: names.optional(),
  /** overlay: paths of the live folder to remove */
  deletes: z.array(PATH).max(RELEASE_LIMITS.deletes).optional(),
  labels: names.optional(),
  previous: VERSION.optional(),
  packs: z.array(pack).min(1).max(RELEASE_LIMITS.names)
})

export type Release = z.infer<typeof release>
export type PackInfo = z.infer<typeof pack>

/** Reads and checks release.json. Throws RELEASE_INVALID. */
export function parseRelease(bytes: Uint8Array): Release {
  if (bytes.length > RELEASE_LIMITS.bytes) throw invalid('it is too large')
  let json: unknown
  try {
    json = JSON.parse(new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes))
  } catch (cause) {
    throw invalid('it is not JSON', cause)
  }
  return checkRelease(json)
}

/** Checks what a release says about itself. Throws RELEASE_INVALID. */
export function checkRelease(json: unknown): Release {
  const parsed = release.safeParse(json)
  if (!parsed.success) {
    const issue = parsed.error.issues[0]
    throw invalid(`${issue?.path.slice(0, 4).join('.') || 'it'}: ${issue?.message.slice(0, 200)}`)
  }
  checkMeaning(parsed.data)
  return parsed.data
}

function checkMeaning(found: Release): void {
  try {
    parseVersion(found.order, found.version)
    for (const version of [found.after, found.previous]) {
      if (version !== undefined) parseVersion(found.order, version)
    }
    for (const base of found.packs.flatMap((each) => each.base ?? [])) parseVersion(found.order, base)
    if (found.compat?.app !== undefined && found.compat.app !== '*') checkRange(found.compat.app)
  } catch (cause) {
    throw invalid(cause instanceof Error ? cause.message : 'a version in it', cause)
  }
  if (found.packs.some((each) => (each.kind === 'delta') !== (each.base !== undefined))) {
    throw invalid('a delta pack must name its base, a full pack must not')
  }
  if (found.packs.some((each) => each.base === found.version)) throw invalid('a pack is its own base')
  if (new Set(found.packs.map((each) => each.base ?? '')).size !== found.packs.length) {
    throw invalid('it has two packs for the same base')
  }
}

/** The bytes to store: JSON with sorted keys, no spaces, UTF-8. Throws RELEASE_INVALID. */
export function encodeRelease(found: Release): Uint8Array {
  const bytes = Buffer.from(sortedJson(checkRelease(found)))
  if (bytes.length > RELEASE_LIMITS.bytes) throw invalid('it is too large')
  return bytes
}

function sortedJson(value: unknown): string {
  return JSON.stringify(value, (_key, inner: unknown) =>
    typeof inner === 'object' && inner !== null && !Array.isArray(inner)
      ? Object.fromEntries(Object.entries(inner).sort(([a], [b]) => (a < b ? -1 : 1)))
      : inner
  )
}

/** Where a release stands in the feed, without a leading '/'. */
export function releasePath(module: string, track: string, version: string): string {
  return `releases/${module}/${track}/${version}/release.json`
}

/** Where a pack stands in the feed, without a leading '/'. */
export function packPath(sha256: string): string {
  return `packs/${sha256}`
}

function invalid(why: string, cause?: unknown): ChasquiError {
  return new ChasquiError('RELEASE_INVALID', `the release is not valid: ${why}`, {
    cause,
    hint: 'get it again; if it stays so, ask the publisher'
  })
}
