// Home → stick, everything in its order: roots, sealed keys, segments, marker, records, letters, installer, stick.json.
import type { CommandContext } from '../control/commands.ts'
import { ChasquiError } from '../errors.ts'
import { formatTime } from '../trust/bytes.ts'
import { carriedReleases } from './carried.ts'
import { compactFeed } from './compact.ts'
import { planExport, writeExport } from './export.ts'
import { summarize } from './export-summary.ts'
import type { WritableStick } from './folder.ts'
import { removeFormerFeeds } from './former-feeds.ts'
import type { Letter, OrderRequest, StickHome, StickVisit } from './home.ts'
import { measureInstaller, writeInstaller } from './installer.ts'
import { planKept, selectKept } from './kept.ts'
import { dropSpentLetters, giveLetters } from './letters.ts'
import { withOrdered } from './ordered.ts'
import { clearPlaces } from './places.ts'
import { giveRecords, measureRecords, takeRecords } from './reports.ts'
import { giveRoots } from './roots.ts'
import { progressOf } from './round-progress.ts'
import type { ExportRequest, ExportResult, StickTools } from './round-types.ts'
import { giveKeys } from './sealed-keys.ts'
import { lacksSpace, refuseWithoutSpace } from './space.ts'
import { type StickFile, writeStickFile } from './stick-file.ts'
import type { VisitLog } from './visit-log.ts'
import { type StickWish, wishOf, withWish } from './wish.ts'

export async function give(
  home: StickHome,
  folder: WritableStick,
  asked: ExportRequest,
  tools: StickTools,
  context: CommandContext,
  log: Pick<VisitLog, 'begin'>
): Promise<ExportResult> {
  const startedAt = tools.now()
  const made = folder.file.fleets.find(({ id }) => id === home.fleet)?.wish ?? null
  const kept = asked.keepWish && wishOf(asked) === null ? made : null
  const request = kept === null ? asked : withWish(asked, kept)
  const file = nextFile(folder.file, home, wishOf(request))
  const visit = { id: file.id, sequence: file.sequence }
  const orders = await signOrders(home, request.orders, visit)
  const selected = kept === null ? await home.select(request.filter) : await selectKept(home, request)
  const selection = await withOrdered(home, selected, request)
  if (!request.dryRun) await clearPlaces(folder, home.fleet)
  const blocks = request.filter === null ? null : selection.blocks
  const wanted = { blocks, maxSize: request.maxSize, part: request.part }
  const { plan, skipped } =
    kept === null
      ? { plan: await planExport(home, folder, wanted), skipped: [] }
      : await planKept(home, folder, wanted)
  const extras = {
    reports: await measureRecords(folder, home.records),
    installer: request.installer === null ? 0 : await measureInstaller(tools.fs, request.installer),
    free: await tools.freeSpace(request.stick)
  }
  const carried = await carriedReleases(await home.feed.blobs(), plan, selection.releases)
  const summary = summarize(plan, carried, selection, extras)
  context.emit({ event: 'stick-plan', ...summary })
  const lacks = lacksSpace(summary.total, summary.free)
  const fits = lacks === 0
  if (!fits && !request.asFits) refuseWithoutSpace(summary.total, summary.free)
  // the last of several sticks leaves nothing for another one
  const complete = plan.part === plan.parts && fits && !plan.isBehind
  const result = { stick: folder.file.id, complete, plan: summary }
  const nothing = { blocks: 0, bytes: 0, segments: 0 }
  if (request.dryRun) {
    const ms = tools.now() - startedAt
    return {
      ...result,
      complete: complete && !plan.due,
      wrote: nothing,
      reports: { out: 0, in: 0 },
      troubles: [],
      ms
    }
  }
  if (folder.file.sequence === 0) await writeStickFile(folder, { ...file, sequence: 0 })
  await log.begin()
  await giveRoots(folder, home)
  if (home.keys !== undefined) await giveKeys(folder, home.fleet, home.keys)
  const names = carried.map(({ module, track, version }) => ({ module, track, version }))
  const marked = {
    sequence: file.sequence,
    written: formatTime(tools.now()),
    releases: names
  }
  const progress = progressOf(context, 'export', plan.bytes)
  const write = () => writeExport(home, folder, plan, marked, progress)
  const wrote = plan.due && fits ? await (request.asFits ? unlessFull(write) : write()) : nothing
  if (fits && wrote !== null && plan.whole && home.role === 'publisher')
    await removeFormerFeeds(folder, home.fleet, plan.feed)
  const records = await takeRecords(folder, home.records, context.signal)
  const out = await giveRecords(folder, home.records, records)
  if (home.letters !== undefined) await dropSpentLetters(folder, home.letters)
  await giveLetters(folder, [...((await home.letters?.outgoing(visit)) ?? []), ...orders])
  const { installer } = request
  const installed = installer && (await writeInstaller(tools.fs, folder, installer, context.signal))
  await writeStickFile(folder, file)
  // last: a stick without room for both copies is complete as it is
  await compactFeed(folder, plan.feed, home.fleet, await tools.freeSpace(request.stick), context.signal)
  const reports = { out, in: records.taken }
  const isShort = plan.segments.length > 0 && (!fits || wrote === null)
  const left = [...(selection.skipped ?? []), ...skipped, ...(isShort ? [shortfall(lacks)] : [])]
  return {
    ...result,
    complete: complete && wrote !== null,
    wrote: wrote ?? nothing,
    reports,
    // head office can do something about it; a branch on the way gives what there is room for
    troubles: home.role === 'publisher' ? left : [],
    ...(installed !== null && { installer: installed }),
    ms: tools.now() - startedAt
  }
}

/** Before anything is planned: what cannot be ordered stops the export. */
async function signOrders(
  home: StickHome,
  orders: readonly OrderRequest[],
  visit: StickVisit
): Promise<Letter[]> {
  const letters: Letter[] = []
  for (const order of orders) {
    if (home.order === undefined)
      throw new ChasquiError('USAGE', 'only head office can order a branch to apply')
    letters.push(await home.order(order, visit))
  }
  return letters
}

/** What did not fit is left for another stick, and nobody is at hand to hear of it but who reads the page. */
function shortfall(bytes: number): string {
  const missing = bytes === 0 ? 'the stick is full' : `${bytes} bytes are missing`
  return `STICK_FULL: ${missing}: releases did not go on this stick`
}

/** A stick that does not say how much is free can still turn out to be full. */
async function unlessFull<T>(write: () => Promise<T>): Promise<T | null> {
  return write().catch((error: unknown) => {
    if (error instanceof ChasquiError && error.code === 'STICK_FULL') return null
    throw error
  })
}

function nextFile(file: StickFile, home: StickHome, wish: StickWish | null): StickFile {
  const others = file.fleets.filter(({ id }) => id !== home.fleet)
  const known = file.fleets.find(({ id }) => id === home.fleet)
  const name = home.role === 'publisher' ? home.name : (known?.name ?? '')
  return { ...file, sequence: file.sequence + 1, fleets: [...others, { id: home.fleet, name, wish }] }
}
