// visits.json: what happened at each machine that met the stick, for people. STATUS.html is made from it. Nothing that
// Chasqui does depends on it: it is not signed and may be lost.
import { z } from 'zod'
import { ChasquiError } from '../errors.ts'
import { readStickHint, type StickFolder, writeStickBytes } from './folder.ts'

/** FORMAT 12.7 */
const VISITS = {
  bytes: 2 * 1024 * 1024,
  all: 500,
  perNode: 20,
  versions: 500,
  errors: 20,
  waiting: 50
} as const

const FRAME = 64 // bytes of the file around its visits

const short = z.string().max(300)
const versions = z.array(z.strictObject({ app: short, module: short, version: short })).max(VISITS.versions)

const waiting = z.strictObject({
  app: short,
  module: short,
  version: short,
  /** why it is not applied now: a code of the plan, and in words */
  code: short,
  reason: z.string().max(500)
})

const visit = z.strictObject({
  /** when it ended; as long as it works: when it began */
  at: z.iso.datetime(),
  node: z.string().regex(/^[0-9a-f]{64}$/),
  name: short,
  role: z.enum(['publisher', 'node']),
  /** one that stays `working` was cut off */
  state: z.enum(['working', 'done', 'failed']),
  /** bytes of the feed taken from and put on the stick */
  read: z.int().min(0),
  wrote: z.int().min(0),
  reports: z.strictObject({ in: z.int().min(0), out: z.int().min(0) }),
  before: versions,
  after: versions,
  /** updates that are here and are not applied yet */
  waiting: z.array(waiting).max(VISITS.waiting),
  /** of a failed visit the first is that of the failure, with its code */
  errors: z.array(z.string().max(500)).max(VISITS.errors)
})
export type Visit = z.infer<typeof visit>

/** What a machine runs: app, module, version. */
export type Installed = z.infer<typeof versions>

/** An update that waits. */
export type WaitingUpdate = z.infer<typeof waiting>

const visitsFile = z.strictObject({ schema: z.literal(1), visits: z.array(visit).max(VISITS.all) })

/** Newest first; none when the file cannot be read. */
export async function readVisits(folder: StickFolder): Promise<Visit[]> {
  const bytes = await readStickHint(folder, ['visits.json'], VISITS.bytes).catch(unreadable)
  if (bytes === null) return []
  try {
    return visitsFile.parse(JSON.parse(Buffer.from(bytes).toString('utf8'))).visits
  } catch {
    return []
  }
}

function unreadable(error: unknown): null {
  if (error instanceof ChasquiError && error.code === 'DISK_IO') return null
  throw error
}

/** Adds a visit, in place of the one of that machine that was still working, and drops the oldest of it and of all. */
export async function addVisit(folder: StickFolder, added: Visit): Promise<Visit[]> {
  const former = await readVisits(folder)
  const open = former.findIndex(({ node }) => node === added.node)
  const others = former[open]?.state === 'working' ? former.toSpliced(open, 1) : former
  const counts = new Map<string, number>()
  const visits = [visit.parse(clip(added)), ...others]
    .filter(({ node }) => {
      counts.set(node, (counts.get(node) ?? 0) + 1)
      return (counts.get(node) ?? 0) <= VISITS.perNode
    })
    .slice(0, VISITS.all)
  const kept = fitting(visits)
  const text = `${JSON.stringify({ schema: 1, visits: kept })}\n`
  await writeStickBytes(folder, ['visits.json'], Buffer.from(text))
  return kept
}

/** The newest that fit into the file: one that is too large would not be read again. */
function fitting(visits: readonly Visit[]): Visit[] {
  let bytes = FRAME
  const isOver = (one: Visit) => {
    bytes += Buffer.byteLength(JSON.stringify(one)) + 1
    return bytes > VISITS.bytes
  }
  const end = visits.findIndex(isOver)
  if (end === 0) return visits.slice(0, 1).map((one) => ({ ...one, before: [], after: [] }))
  return visits.slice(0, end === -1 ? visits.length : end)
}

function clip(added: Visit): Visit {
  return {
    ...added,
    before: added.before.slice(0, VISITS.versions),
    after: added.after.slice(0, VISITS.versions),
    waiting: added.waiting
      .slice(0, VISITS.waiting)
      .map((one) => ({ ...one, reason: one.reason.slice(0, 500) })),
    errors: added.errors.slice(0, VISITS.errors).map((text) => text.slice(0, 500))
  }
}
