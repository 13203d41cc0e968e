// The bytes of a branch's report: the clear header, and the body that only the publisher can open; both are made to fit.
// FORMAT 10. What they say is in report-content.ts; the signed envelope around both is a record (record.ts).
import { constants, zstdCompressSync, zstdDecompressSync } from 'node:zlib'
import type { z } from 'zod'
import { ChasquiError } from '../errors.ts'
import { openBody, RECORD_LIMITS, sealBody } from './record.ts'
import {
  bodySchema,
  headerSchema,
  REPORT_LIMITS,
  type ReportBody,
  type ReportHeader
} from './report-content.ts'

const SEAL_BYTES = 48 // what a sealed box adds

/** The clear part: zstd of JSON. What does not fit into a record is left out: old outcomes first, then the apps. */
export function encodeReportHeader(value: ReportHeader): Uint8Array {
  const whole = check(headerSchema, value)
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
  return check(headerSchema, unpack(bytes, REPORT_LIMITS.headerJson))
}

/**
 * Seals a body to the publisher (the root's X25519 sealing key, 32 bytes): zstd of JSON in a sealed box. What does not
 * fit is left out, least important first. Throws REPORT_INVALID.
 */
export function sealReport(value: ReportBody, sealingKey: Uint8Array): Uint8Array {
  const limit = RECORD_LIMITS.body - SEAL_BYTES
  const packed = firstThatFits(slimmer(check(bodySchema, value)), REPORT_LIMITS.bodyJson, limit)
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
  return check(bodySchema, unpack(packed, REPORT_LIMITS.bodyJson))
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
