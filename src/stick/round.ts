// One visit of a stick to a home: export, import, or both. Order of an import: roots, sealed keys, blocks, records, letters;
// of an export: roots, sealed keys, segments, marker, records, letters, stick.json. The pages for people come last.
import type { CommandContext } from '../control/commands.ts'
import { ChasquiError } from '../errors.ts'
import type { FileSystem } from '../system/file-system.ts'
import { compactFeed } from './compact.ts'
import { noteDamage } from './damage.ts'
import { lacksSpace, planExport, refuseWithoutSpace, writeExport } from './export.ts'
import { type ExportSummary, summarize } from './export-summary.ts'
import type { Rejected } from './feed-folder.ts'
import {
  openFolder,
  prepareFolder,
  requireStick,
  type StickFile,
  type StickFolder,
  writeStickFile
} from './folder.ts'
import type { ImportedRelease, Letter, OrderRequest, StickFilter, StickHome, StickVisit } from './home.ts'
import { importFeed } from './import.ts'
import { type InstallerFile, type InstallerRequest, measureInstaller, writeInstaller } from './installer.ts'
import { giveLetters, takeLetters } from './letters.ts'
import { giveRecords, takeRecords } from './reports.ts'
import { giveRoots, takeRoots } from './roots.ts'
import { giveKeys, takeKeys } from './sealed-keys.ts'
import { beginVisit, endVisit } from './visit-log.ts'

/** What a round needs of the machine. */
export interface StickTools {
  fs: FileSystem
  /** milliseconds since the epoch */
  now(): number
  /** 32 hex digits */
  randomId(): string
  /** bytes free at a path; null when unknown */
  freeSpace(path: string): Promise<number | null>
}

export interface ExportRequest {
  stick: string
  /** null: everything that the home has */
  filter: StickFilter | null
  /** bytes that one stick may carry of the feed; null: no limit */
  maxSize: number | null
  /** which of the sticks this is, from 1 */
  part: number
  /** what branches shall apply at the next visit of this stick */
  orders: readonly OrderRequest[]
  /** what a new site needs beside the feed; null for nothing */
  installer: InstallerRequest | null
  /** when the stick is too small for the feed: only reports and letters, in place of STICK_FULL */
  asFits: boolean
  dryRun: boolean
}

export interface ExportResult {
  stick: string
  wrote: { blocks: number; bytes: number; segments: number }
  reports: { out: number; in: number }
  complete: boolean
  ms: number
  plan: ExportSummary
  /** what was put there for a new site */
  installer?: InstallerFile[]
}

export interface ImportResult {
  stick: string
  read: { blocks: number; bytes: number }
  rejected: Rejected[]
  reports: { in: number; out: number }
  releases: ImportedRelease[]
  ms: number
}

export type SyncResult = ImportResult & Pick<ExportResult, 'wrote' | 'complete' | 'plan'>

/** Throws STICK_*, DISK_IO, and what the home throws. */
export async function exportStick(
  home: StickHome,
  request: ExportRequest,
  tools: StickTools,
  context: CommandContext
): Promise<ExportResult> {
  const visit = await beginVisit(home, tools.now())
  const { folder, ...result } = await give(home, request, tools, context)
  if (!request.dryRun) {
    const { wrote, reports } = result
    await endVisit(home, folder, visit, tools.now(), { wrote: wrote.bytes, reports })
    await requireStick(folder)
  }
  return result
}

export async function importStick(
  home: StickHome,
  stick: string,
  tools: StickTools,
  context: CommandContext
): Promise<ImportResult> {
  const visit = await beginVisit(home, tools.now())
  const { folder, ...result } = await take(home, stick, tools, context)
  const { read, reports, rejected } = result
  await unlessReadOnly(() =>
    endVisit(home, folder, visit, tools.now(), { read: read.bytes, reports, rejected })
  )
  await requireStick(folder)
  return result
}

export interface SyncOptions {
  /** let the home apply what it may between import and export, so that its report is on the stick already */
  settle: boolean
}

/** Import, then export: what the home learned from the stick is not written back to it. */
export async function syncStick(
  home: StickHome,
  request: ExportRequest,
  tools: StickTools,
  context: CommandContext,
  options: SyncOptions = { settle: false }
): Promise<SyncResult> {
  const visit = await beginVisit(home, tools.now())
  const isNew = (await openFolder(tools.fs, request.stick).catch(noStickYet)) === null
  const taken = isNew ? nothingTaken : await take(home, request.stick, tools, context)
  const troubles = options.settle ? ((await home.settle?.(context.signal)) ?? []) : []
  const { folder, ...given } = await give(home, request, tools, context)
  const reports = { in: taken.reports.in + given.reports.in, out: taken.reports.out + given.reports.out }
  const { stick, wrote, complete, plan } = given
  if (!request.dryRun) {
    const { read, rejected } = taken
    const outcome = { read: read.bytes, wrote: wrote.bytes, reports, rejected, troubles }
    await endVisit(home, folder, visit, tools.now(), outcome)
    await requireStick(folder)
  }
  const { read, rejected, releases } = taken
  return { stick, read, rejected, reports, releases, wrote, complete, plan, ms: taken.ms + given.ms }
}

const nothingTaken: ImportResult = {
  stick: '',
  read: { blocks: 0, bytes: 0 },
  rejected: [],
  reports: { in: 0, out: 0 },
  releases: [],
  ms: 0
}

function noStickYet(error: unknown): null {
  if (error instanceof ChasquiError && error.code === 'STICK_NOT_A_STICK') return null
  throw error
}

async function give(
  home: StickHome,
  request: ExportRequest,
  tools: StickTools,
  context: CommandContext
): Promise<ExportResult & { folder: StickFolder }> {
  const startedAt = tools.now()
  const fresh = { id: tools.randomId(), label: home.name.slice(0, 100), created: timestamp(startedAt) }
  const folder = await prepareFolder(tools.fs, request.stick, fresh)
  const selection = await home.select(request.filter)
  const blocks = request.filter === null ? null : selection.blocks
  const plan = await planExport(home, folder, { blocks, maxSize: request.maxSize, part: request.part })
  const summary = summarize(plan, selection, await tools.freeSpace(request.stick))
  context.emit({ event: 'stick-plan', ...summary })
  const extra = request.installer === null ? 0 : await measureInstaller(tools.fs, request.installer)
  const fits = lacksSpace(plan.bytes + extra, summary.free) === 0
  if (!fits && !request.asFits) refuseWithoutSpace(plan.bytes + extra, summary.free)
  const complete = plan.parts === 1 && fits
  const result = { folder, stick: folder.file.id, complete, plan: summary }
  const nothing = { blocks: 0, bytes: 0, segments: 0 }
  if (request.dryRun) {
    const ms = tools.now() - startedAt
    return { ...result, complete: complete && !plan.due, wrote: nothing, reports: { out: 0, in: 0 }, ms }
  }
  const file = nextFile(folder.file, home)
  if (folder.file.sequence === 0) await writeStickFile(folder, { ...file, sequence: 0 })
  await giveRoots(folder, home.fleet, home.roots)
  if (home.keys !== undefined) await giveKeys(folder, home.fleet, home.keys)
  const { releases } = summary
  const names = releases.map(({ module, track, version }) => ({ module, track, version }))
  const marked = {
    sequence: file.sequence,
    written: timestamp(tools.now()),
    whole: complete,
    releases: names
  }
  const progress = progressOf(context, 'export', plan.bytes)
  const write = () => writeExport(home, folder, plan, marked, progress)
  const wrote = plan.due && fits ? await (request.asFits ? unlessFull(write) : write()) : nothing
  await compactFeed(folder, plan.feed, home.fleet, context.signal)
  const records = await takeRecords(folder, home.records)
  const out = await giveRecords(folder, home.records, records)
  const visit = { id: file.id, sequence: file.sequence }
  await giveLetters(folder, await outgoingLetters(home, request.orders, visit))
  const { installer } = request
  const installed = installer && (await writeInstaller(tools.fs, folder, installer, context.signal))
  await writeStickFile(folder, file)
  const reports = { out, in: records.taken }
  return {
    ...result,
    complete: complete && wrote !== null,
    wrote: wrote ?? nothing,
    reports,
    ...(installed !== null && { installer: installed }),
    ms: tools.now() - startedAt
  }
}

async function outgoingLetters(
  home: StickHome,
  orders: readonly OrderRequest[],
  visit: StickVisit
): Promise<Letter[]> {
  const letters = [...((await home.letters?.outgoing(visit)) ?? [])]
  for (const order of orders) {
    if (home.order === undefined)
      throw new ChasquiError('USAGE', 'only head office can order a branch to apply')
    letters.push(await home.order(order, visit))
  }
  return letters
}

async function take(
  home: StickHome,
  stick: string,
  tools: StickTools,
  context: CommandContext
): Promise<ImportResult & { folder: StickFolder }> {
  const startedAt = tools.now()
  const folder = await openFolder(tools.fs, stick)
  await home.beforeImport?.()
  await takeRoots(folder, home.fleet, home.roots)
  if (home.keys !== undefined) await takeKeys(folder, home.fleet, home.keys)
  const { read, rejected, damaged } = await importFeed(home, folder, progressOf(context, 'import', null))
  const records = await takeRecords(folder, home.records)
  const releases = [...(await home.afterImport())]
  const { id, sequence } = folder.file ?? { id: '', sequence: 0 }
  if (home.letters !== undefined) await takeLetters(folder, home.letters, { id, sequence })
  await requireStick(folder)
  const out = await unlessReadOnly(async () => {
    const feed = Buffer.from(home.feed.db.key).toString('hex')
    for (const { core, places } of damaged) await noteDamage(folder, feed, core, places)
    return giveRecords(folder, home.records, records)
  })
  const reports = { in: records.taken, out: out ?? 0 }
  return { folder, stick: id, read, rejected, reports, releases, ms: tools.now() - startedAt }
}

/** An import also leaves this home's news on the stick, unless it cannot be written to. */
async function unlessReadOnly<T>(write: () => Promise<T>): Promise<T | null> {
  try {
    return await write()
  } catch (error) {
    const code = error instanceof ChasquiError ? error.code : null
    if (code === 'STICK_READ_ONLY' || code === 'STICK_FULL') return null
    throw error
  }
}

/** A stick that does not say how much is free can still turn out to be full. */
async function unlessFull<T>(write: () => Promise<T>): Promise<T | null> {
  return write().catch((error: unknown) => {
    if (error instanceof ChasquiError && error.code === 'STICK_FULL') return null
    throw error
  })
}

function nextFile(file: StickFile, home: StickHome): StickFile {
  const others = file.fleets.filter(({ id }) => id !== home.fleet)
  const known = file.fleets.find(({ id }) => id === home.fleet)
  const name = home.role === 'publisher' ? home.name : (known?.name ?? '')
  return { ...file, sequence: file.sequence + 1, fleets: [...others, { id: home.fleet, name }] }
}

function progressOf(context: CommandContext, step: 'import' | 'export', total: number | null) {
  let done = 0
  return {
    signal: context.signal,
    onBytes(bytes: number) {
      done += bytes
      context.emit({ event: 'progress', step, done, total })
    }
  }
}

/** RFC 3339 UTC without a fraction. */
function timestamp(now: number): string {
  return new Date(now).toISOString().replace(/\.\d+Z$/, 'Z')
}
