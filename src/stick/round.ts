// One visit of a stick to a home: export, import, or both. The folder is opened once and stays the same stick to the end:
// what is at its place later is never written to. The pages for people come last.
import type { CommandContext } from '../control/commands.ts'
import { formatTime } from '../trust/bytes.ts'
import { withStick } from './claim.ts'
import { requireStick, type StickFolder, type WritableStick } from './folder.ts'
import { give } from './give.ts'
import type { SettleScope, StickHome } from './home.ts'
import { refuseOtherFleets } from './import.ts'
import { dropSpentLetters } from './letters.ts'
import { openFolder, prepareFolder } from './open.ts'
import { giveRecords } from './reports.ts'
import type {
  Claimed,
  ExportRequest,
  ExportResult,
  ImportResult,
  StickTools,
  SyncOptions,
  SyncResult
} from './round-types.ts'
import { requireSameStick } from './stick-file.ts'
import { take, unlessReadOnly, visitOf } from './take.ts'
import { withVisit } from './visit-log.ts'
import type { WaitingUpdate } from './visits.ts'

/** How long a command that a person typed waits for another program. */
const PATIENCE = 30_000 // milliseconds

/** Throws STICK_*, DISK_IO, and what the home throws. */
export function exportStick(
  home: StickHome,
  request: ExportRequest,
  tools: StickTools,
  context: CommandContext
): Promise<Claimed<ExportResult>> {
  const work = () => exportNow(home, request, tools, context)
  return withStick(tools, request.stick, PATIENCE, context.signal, work)
}

async function exportNow(
  home: StickHome,
  request: ExportRequest,
  tools: StickTools,
  context: CommandContext
): Promise<ExportResult> {
  const folder = await prepare(home, request.stick, tools)
  return withVisit(home, folder, { now: tools.now, dryRun: request.dryRun }, async (visit) => {
    const result = await give(home, folder, request, tools, context, visit)
    if (request.dryRun) return result
    const { wrote, reports, troubles } = result
    await visit.end({ wrote: wrote.bytes, reports, troubles, waiting: await waitingAt(home) })
    await requireStick(folder)
    return result
  })
}

export function importStick(
  home: StickHome,
  stick: string,
  tools: StickTools,
  context: CommandContext
): Promise<Claimed<ImportResult>> {
  return withStick(tools, stick, PATIENCE, context.signal, () => importNow(home, stick, tools, context))
}

async function importNow(
  home: StickHome,
  stick: string,
  tools: StickTools,
  context: CommandContext
): Promise<ImportResult> {
  const folder = await openFolder(tools.fs, stick)
  await refuseOtherFleets(home, folder)
  return withVisit(home, folder, { now: tools.now }, async (visit) => {
    await visit.begin()
    const { records, ...taken } = await take(home, folder, tools, context)
    const troubles = await settle(home, folder, 'orders', context)
    const waiting = await waitingAt(home)
    const { read, rejected } = taken
    const out = await unlessReadOnly(async () => {
      const given = await giveRecords(folder, home.records, records)
      if (home.letters !== undefined) await dropSpentLetters(folder, home.letters)
      const reports = { in: records.taken, out: given }
      await visit.end({ read: read.bytes, reports, rejected, troubles, waiting })
      return given
    })
    await requireStick(folder)
    return { ...taken, troubles, waiting, reports: { in: records.taken, out: out ?? 0 } }
  })
}

/** Import, then export: what the home learned from the stick is not written back to it. */
export function syncStick(
  home: StickHome,
  request: ExportRequest,
  tools: StickTools,
  context: CommandContext,
  options: SyncOptions = { settle: 'orders', create: true }
): Promise<Claimed<SyncResult>> {
  // what nobody typed nobody waits for
  const patience = options.create ? PATIENCE : Number.POSITIVE_INFINITY
  const work = () => syncNow(home, request, tools, context, options)
  return withStick(tools, request.stick, patience, context.signal, work)
}

async function syncNow(
  home: StickHome,
  request: ExportRequest,
  tools: StickTools,
  context: CommandContext,
  options: SyncOptions
): Promise<SyncResult> {
  if (!options.create) await openFolder(tools.fs, request.stick)
  const folder = await prepare(home, request.stick, tools)
  return withVisit(home, folder, { now: tools.now, dryRun: request.dryRun }, async (visit) => {
    // a dry run takes nothing either
    const isTaking = folder.exists && !request.dryRun
    if (isTaking) await visit.begin()
    const taken = isTaking ? await takeAndSettle(home, folder, tools, context, options.settle) : nothingTaken
    await options.beforeExport?.()
    const given = await give(home, folder, request, tools, context, visit)
    const waiting = await waitingAt(home)
    const result = { ...bothWays(taken, given), waiting }
    if (request.dryRun) return result
    const { read, wrote, reports, rejected, troubles } = result
    await visit.end({ read: read.bytes, wrote: wrote.bytes, reports, rejected, troubles, waiting })
    await requireStick(folder)
    return result
  })
}

function bothWays(taken: ImportResult, given: ExportResult): SyncResult {
  const { stick, wrote, complete, plan, installer } = given
  const reports = { in: taken.reports.in + given.reports.in, out: taken.reports.out + given.reports.out }
  const more = installer === undefined ? {} : { installer }
  const troubles = [...taken.troubles, ...given.troubles]
  return { ...taken, stick, reports, wrote, complete, plan, troubles, ...more, ms: taken.ms + given.ms }
}

async function takeAndSettle(
  home: StickHome,
  folder: StickFolder,
  tools: StickTools,
  context: CommandContext,
  scope: SettleScope
): Promise<ImportResult> {
  const { records, ...taken } = await take(home, folder, tools, context)
  // before anything is applied: what is known by now goes along even if the stick is pulled then
  const out = await unlessReadOnly(() => giveRecords(folder, home.records, records))
  const troubles = await settle(home, folder, scope, context)
  return { ...taken, troubles, waiting: [], reports: { in: records.taken, out: out ?? 0 } }
}

async function waitingAt(home: StickHome): Promise<WaitingUpdate[]> {
  return [...((await home.waiting?.()) ?? [])]
}

/** Applying takes minutes: a stick that was pulled or changed meanwhile gets nothing. Throws STICK_REMOVED. */
async function settle(
  home: StickHome,
  folder: StickFolder,
  scope: SettleScope,
  context: CommandContext
): Promise<string[]> {
  const troubles = [...((await home.settle?.(visitOf(folder), scope, context)) ?? [])]
  await requireSameStick(folder)
  return troubles
}

const nothingTaken: ImportResult = {
  stick: '',
  read: { blocks: 0, bytes: 0 },
  rejected: [],
  reports: { in: 0, out: 0 },
  releases: [],
  troubles: [],
  waiting: [],
  ms: 0
}

/** The stick at `place` for writing; one that is new gets its name from this home. */
function prepare(home: StickHome, place: string, tools: StickTools): Promise<WritableStick> {
  const created = formatTime(tools.now())
  return prepareFolder(tools.fs, place, { id: tools.randomId(), label: home.name.slice(0, 100), created })
}
