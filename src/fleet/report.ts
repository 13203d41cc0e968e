// A branch's report: a small clear header that every peer may read (what it runs, how far its feed is, outcomes that
// count as evidence) and a body sealed to the publisher (why something failed, disk, drift, where bytes came from).
// FORMAT 10. The signed envelope around both is a record (record.ts); this file knows only the content.
import { constants, zstdCompressSync, zstdDecompressSync } from 'node:zlib'
import { z } from 'zod'
import { ChasquiError } from '../errors.ts'
import { openBody, RECORD_LIMITS, sealBody } from './record.ts'

export const REPORT_LIMITS = {
  headerJson: 128 * 1024, // bytes of JSON
  bodyJson: 512 * 1024, // bytes of JSON
  excerpt: 4_000, // characters of a log
  transactions: 10,
  outcomes: 200
}

const hex64 = z.string().regex(/^[0-9a-f]{64}$/)
const count = z.int().min(0)
const short = z.string().max(200)
const text = z.string().max(REPORT_LIMITS.excerpt)
const time = z.iso.datetime({ offset: false })

const header = z.object({
  schema: z.literal(1),
  /** the feed that it follows and how much of its db core is here, in blocks */
  feed: z.object({ key: hex64, db: count, blobs: count }),
  /** app → module → `track@version` */
  apps: z.record(short, z.record(short, z.string().max(200))),
  /** what became of each release that was tried, newest attempt per release; evidence for a halt */
  outcomes: z
    .array(
      z.object({
        app: short,
        module: short,
        track: short,
        version: short,
        round: count,
        result: z.enum(['committed', 'rolled-back', 'rollback-failed', 'quarantined']),
        /** it failed with others, and is not known to be at fault: no evidence against it */
        together: z.boolean().optional(),
        /** trouble of this machine was in the way (a full disk, no database): no evidence against it */
        machine: z.boolean().optional()
      })
    )
    .max(REPORT_LIMITS.outcomes),
  stale: z.boolean(),
  /** name patterns of the modules that its apps take: who fills a stick for it sends new ones along */
  wants: z.array(short).max(1_000).optional(),
  /** something was left out to fit */
  truncated: z.boolean().optional()
})

const SEAL_BYTES = 48 // what a sealed box adds

const failure = z.object({
  code: short,
  message: z.string().max(2_000),
  step: short.optional(),
  /** the module whose fault it is, where that is known */
  module: short.optional()
})

const body = z.object({
  schema: z.literal(1),
  created: time,
  node: z.object({
    name: short,
    environment: short,
    platform: short,
    software: short,
    started: time.nullable()
  }),
  feed: z.object({
    length: count,
    signedAt: time.nullable(),
    heardAt: time.nullable(),
    stale: z.boolean(),
    /** a forked or rewritten feed was seen: what, in words */
    conflict: z.string().max(2_000).nullable()
  }),
  apps: z
    .array(
      z.object({
        name: short,
        profile: short,
        /** `rolled-back`: it runs, and the newest update of it failed */
        health: z.enum(['good', 'rolled-back', 'failing', 'unknown']),
        modules: z
          .array(
            z.object({
              module: short,
              track: short,
              version: short,
              available: short.nullable(),
              state: short,
              /** files that differ from what was published: how many, and the first of them */
              drift: z.object({ count, files: z.array(z.string().max(1_000)).max(20) })
            })
          )
          .max(10_000)
      })
    )
    .max(100),
  transactions: z
    .array(
      z.object({
        id: short,
        app: short,
        finished: time,
        result: short,
        releases: z.array(z.object({ module: short, track: short, from: short.nullable(), to: short })),
        ms: count,
        error: failure.nullable(),
        /** what went wrong last, after the error: why it is not undone, or not ended */
        alsoFailed: failure.optional(),
        excerpt: text
      })
    )
    .max(REPORT_LIMITS.transactions),
  /** what could not be done outside a transaction: a fetch, a base that cannot be rebuilt, a refused feed */
  problems: z.array(failure).max(50),
  held: z.array(short).max(1_000),
  /** what ways back have put aside in place of deleting it */
  setAside: z
    .array(
      z.object({
        app: short,
        created: time,
        path: z.string().max(1_000).nullable(),
        bytes: count,
        databases: z.array(short).max(20)
      })
    )
    .max(20)
    .optional(),
  disk: z.array(z.object({ path: z.string().max(1_000), free: count, total: count })).max(20),
  /** bytes of each release by the peer (node key, or stick id) and link class that brought them */
  sources: z
    .array(
      z.object({
        module: short,
        track: short,
        version: short,
        from: z.array(z.object({ peer: short, link: short, bytes: count })).max(50)
      })
    )
    .max(200)
})

export type ReportHeader = z.infer<typeof header>
export type ReportBody = z.infer<typeof body>
export type ReportOutcome = ReportHeader['outcomes'][number]

/** The clear part: zstd of JSON. What does not fit into a record is left out: old outcomes first, then the apps. */
export function encodeReportHeader(value: ReportHeader): Uint8Array {
  const whole = check(header, value)
  const fewer = { ...whole, outcomes: whole.outcomes.slice(0, 20), truncated: true }
  return firstThatFits(
    [whole, fewer, { ...fewer, apps: {}, wants: [] }],
    REPORT_LIMITS.headerJson,
    RECORD_LIMITS.header
  )
}

/** Reads a clear part that somebody else wrote. Throws REPORT_INVALID. */
export function parseReportHeader(bytes: Uint8Array): ReportHeader {
  if (bytes.length > RECORD_LIMITS.header) throw invalid('the header is larger than its format allows')
  return check(header, unpack(bytes, REPORT_LIMITS.headerJson))
}

/**
 * Seals a body to the publisher (the root's X25519 sealing key, 32 bytes): zstd of JSON in a sealed box. What does not
 * fit is left out, least important first. Throws REPORT_INVALID.
 */
export function sealReport(value: ReportBody, sealingKey: Uint8Array): Uint8Array {
  const limit = RECORD_LIMITS.body - SEAL_BYTES
  const packed = firstThatFits(slimmer(check(body, value)), REPORT_LIMITS.bodyJson, limit)
  return sealBody(packed, sealingKey)
}

/** Opens a body with the publisher's sealing key pair. Throws REPORT_SEALED (not for this key), REPORT_INVALID. */
export function openReport(
  sealed: Uint8Array,
  keys: { publicKey: Uint8Array; secretKey: Uint8Array }
): ReportBody {
  const packed = openBody(sealed, keys)
  if (packed === null) {
    throw new ChasquiError('REPORT_SEALED', 'a report cannot be opened with this key', {
      hint: 'it was sealed to another publisher key, or damaged on the way'
    })
  }
  return check(body, unpack(packed, REPORT_LIMITS.bodyJson))
}

/** zstd of the first value whose JSON and whose packed form are within their limits (bytes). */
function firstThatFits(values: Iterable<unknown>, jsonLimit: number, packedLimit: number): Uint8Array {
  for (const value of values) {
    const json = new TextEncoder().encode(JSON.stringify(value))
    if (json.length > jsonLimit) continue
    const packed = zstdCompressSync(json, { params: { [constants.ZSTD_c_compressionLevel]: 9 } })
    if (packed.length <= packedLimit) return packed
  }
  throw invalid('it is larger than its format allows')
}

function unpack(packed: Uint8Array, limit: number): unknown {
  let json: Uint8Array
  try {
    json = zstdDecompressSync(packed, { maxOutputLength: limit })
  } catch (cause) {
    throw invalid('it is not what its format says', cause)
  }
  return parseJson(json)
}

/** The body, then ever smaller versions of it. */
function* slimmer(value: ReportBody): Generator<ReportBody> {
  yield value
  const noSources = { ...value, sources: [] }
  yield noSources
  const last = value.transactions.slice(0, 3)
  yield { ...noSources, transactions: last.map((one) => ({ ...one, excerpt: one.excerpt.slice(-1_000) })) }
  const bare = {
    ...noSources,
    transactions: last.map((one) => ({ ...one, excerpt: '' })),
    problems: value.problems.slice(0, 5)
  }
  yield { ...bare, apps: value.apps.map((app) => ({ ...app, modules: app.modules.map(withoutFiles) })) }
  yield { ...bare, apps: value.apps.map((app) => ({ ...app, modules: [] })) }
}

type ModuleReport = ReportBody['apps'][number]['modules'][number]

function withoutFiles(module: ModuleReport): ModuleReport {
  return { ...module, drift: { count: module.drift.count, files: [] } }
}

function parseJson(bytes: Uint8Array): unknown {
  try {
    return JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes))
  } catch (cause) {
    throw invalid('it is not JSON', cause)
  }
}

function check<T>(schema: z.ZodType<T>, value: unknown): T {
  const parsed = schema.safeParse(value)
  if (parsed.success) return parsed.data
  const issue = parsed.error.issues[0]
  throw invalid(`${issue?.path.join('.') ?? ''}: ${(issue?.message ?? 'wrong').slice(0, 200)}`)
}

function invalid(what: string, cause?: unknown): ChasquiError {
  return new ChasquiError('REPORT_INVALID', `a report cannot be used: ${what}`, { cause })
}
