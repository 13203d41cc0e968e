// What a branch's report says: a small clear header that every peer may read (what it runs, how far its feed is, outcomes
// that count as evidence) and a body for the publisher (why something failed, disk, drift, where bytes came from). FORMAT 10.
import { z } from 'zod'

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

export const headerSchema = z.object({
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

const failure = z.object({
  code: short,
  message: z.string().max(2_000),
  step: short.optional(),
  /** the module whose fault it is, where that is known */
  module: short.optional()
})

export const bodySchema = z.object({
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

export type ReportHeader = z.infer<typeof headerSchema>
export type ReportBody = z.infer<typeof bodySchema>
export type ReportOutcome = ReportHeader['outcomes'][number]
