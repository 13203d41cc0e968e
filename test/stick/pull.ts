// Pulls a real stick at random moments of an export or import, plugs it in again and looks: nothing unverified came in,
// nothing was lost, and the next round completes.
import { readdir } from 'node:fs/promises'
import type { TestContext } from 'node:test'
import { ChasquiError } from '../../src/errors.ts'
import { compactFeed } from '../../src/stick/compact.ts'
import { inspectStick } from '../../src/stick/inspect.ts'
import { openFolder } from '../../src/stick/open.ts'
import { bundleOf } from '../../src/stick/report-bundle.ts'
import { syncStick } from '../../src/stick/round.ts'
import type { StickTools } from '../../src/stick/round-types.ts'
import type { FileSystem, FileWriter, WriteHint } from '../../src/system/file-system.ts'
import { realFileSystem } from '../../src/system/real-file-system.ts'
import { type MediaKind, type Medium, newMedium } from './media.ts'
import {
  context,
  everything,
  exportAll,
  holdsReleases,
  importAll,
  isPartOf,
  publish,
  tools
} from './scene.ts'
import { never, openTestHome, type TestHome, temporaryFolder, testReport } from './support.ts'

/** What is going on when the stick is pulled; `sync` is a branch's, which applies in the middle of it. */
export const ACTS = ['export', 'import', 'sync', 'compaction'] as const
type Act = (typeof ACTS)[number]

export interface PullOptions {
  kind: MediaKind
  act: Act
  times: number
  seed: number
}

export interface PullOutcomes {
  /** the round had ended before the pull */
  finished: number
  /** the round failed with an error code of its own: how often which */
  refused: Record<string, number>
  /** the file system did not come back (it needs a repair that only its own tools make): the stick was made anew */
  reformatted: number
  /** something that must not be */
  wrong: number
  notes: string[]
}

const RELEASES = 3
/** Keys whose records lie in the same file of the stick: each is written again with the others. */
const [FAR_SEED, OFFICE_SEED, BRANCH_SEED] = neighbours()
/** of a branch that is not met again: it is on the stick only */
const FAR = testReport(FAR_SEED, 'far away')
const OURS = { publisher: testReport(OFFICE_SEED, 'head office'), branch: testReport(BRANCH_SEED, 'before') }
/** takes the place of the branch's report from before */
const AFTER = testReport(BRANCH_SEED, 'applied', 2)

function neighbours(): [number, number, number] {
  const found = new Map<string, number[]>()
  for (let seed = 1; seed < 256; seed++) {
    const name = bundleOf(testReport(seed, '').author)
    const seeds = [...(found.get(name) ?? []), seed]
    if (seeds.length === 3) return seeds as [number, number, number]
    found.set(name, seeds)
  }
  throw new TypeError('no three keys begin alike')
}

/** Runs `times` rounds, each cut at a random operation on the stick. */
export async function pullDuring(t: TestContext, options: PullOptions): Promise<PullOutcomes> {
  const outcomes: PullOutcomes = { finished: 0, refused: {}, reformatted: 0, wrong: 0, notes: [] }
  const random = randomFrom(options.seed)
  const publisher = await openTestHome(t, { seed: 1 })
  for (let release = 1; release <= RELEASES; release++) await publish(publisher, release)
  publisher.keep(OURS.publisher)
  const operations = await countOperations(t, options.act, publisher)
  for (let round = 0; round < options.times; round++) {
    const moment = { at: Math.floor(random() * operations), waits: random() < 0.5 }
    const wrong = await pullOnce(t, options, publisher, moment, outcomes)
    if (wrong === null) continue
    outcomes.wrong++
    outcomes.notes.push(`round ${round}: ${wrong}`)
  }
  return outcomes
}

/** Before which operation, and whether that one waits until the stick is out or runs into it. */
interface Moment {
  at: number
  waits: boolean
}

async function pullOnce(
  t: TestContext,
  { kind, act }: PullOptions,
  publisher: TestHome,
  moment: Moment,
  outcomes: PullOutcomes
): Promise<string | null> {
  const medium = await newMedium(t, kind, 48)
  const branch = await openBranch(t, publisher)
  try {
    await prepareStick(t, act, publisher, medium.place)
    const cut = pullingTools(medium, moment)
    const error = await perform(act, publisher, branch, medium.place, cut).then(
      () => null,
      (thrown: unknown) => thrown
    )
    if (error === null) outcomes.finished++
    else if (error instanceof ChasquiError)
      outcomes.refused[error.code] = (outcomes.refused[error.code] ?? 0) + 1
    else return `an error without a code: ${String(error)}`
    await cut.pulled()
    if (!(await holdsOnlyVerified(branch, publisher))) return 'an unverified block came in'
    const broken = await plugAgain(medium)
    if (broken !== null) {
      outcomes.notes.push(broken)
      outcomes.reformatted++
      return null
    }
    return await nextRound(t, act, publisher, branch, medium.place)
  } finally {
    await branch.close()
    await medium.remove()
  }
}

async function openBranch(t: TestContext, publisher: TestHome): Promise<TestHome> {
  const branch = await openTestHome(t, { key: publisher.feed.db.key, node: '0b'.repeat(32) })
  branch.keep(OURS.branch)
  return branch
}

/** What is on the stick before: nothing, the releases, or the releases in many segments; and a report from far away. */
async function prepareStick(t: TestContext, act: Act, publisher: TestHome, place: string): Promise<void> {
  if (act === 'compaction') await exportInPieces(publisher, place)
  else if (act !== 'export') await exportAll(publisher, place)
  const far = await openTestHome(t, { key: publisher.feed.db.key, node: '0f'.repeat(32) })
  far.keep(FAR)
  await exportAll(far, place)
  await far.remove()
}

/** One segment for each block of data. */
async function exportInPieces(publisher: TestHome, place: string): Promise<void> {
  const length = (await publisher.feed.blobs())?.length ?? 0
  for (let end = 1; end <= length; end++) {
    const blocks = [{ offset: 0, length: end }]
    const some = { ...publisher, select: async () => ({ releases: [], blocks, branches: [] }) }
    await exportAll(some, place, tools, { modules: [], channel: null, branches: [], latest: true })
  }
}

function perform(
  act: Act,
  publisher: TestHome,
  branch: TestHome,
  place: string,
  cut: StickTools
): Promise<unknown> {
  switch (act) {
    case 'export':
      return exportAll(publisher, place, cut)
    case 'import':
      return importAll(branch, place, cut)
    case 'sync':
      return syncStick(applying(branch, place, cut), everything(place), cut, context, {
        settle: 'all',
        create: false
      })
    case 'compaction':
      return compact(publisher, place, cut)
  }
}

/** A branch whose report is news after it has applied; it looks at the stick meanwhile, so that it can be pulled then. */
function applying(branch: TestHome, place: string, { fs }: StickTools): TestHome {
  return {
    ...branch,
    async settle() {
      for (let step = 0; step < 20; step++) await fs.stat(place).catch(() => null)
      branch.keep(AFTER)
      return []
    }
  }
}

async function compact(publisher: TestHome, place: string, { fs }: StickTools): Promise<void> {
  const folder = await openFolder(fs, place)
  const feed = Buffer.from(publisher.feed.db.key).toString('hex')
  const limits = { segments: 2, small: 16 * 1024 * 1024 }
  await compactFeed(folder, feed, publisher.fleet, null, never, limits)
}

/** After the pull everything goes on: what is wrong, or null. */
async function nextRound(
  t: TestContext,
  act: Act,
  publisher: TestHome,
  branch: TestHome,
  place: string
): Promise<string | null> {
  await exportAll(publisher, place)
  const taken = await importAll(branch, place)
  if (taken.rejected.length > 0) return `refused after repair: ${JSON.stringify(taken.rejected)}`
  if (!(await holdsReleases(branch, RELEASES))) return 'releases are missing after the next round'
  const office = await openTestHome(t, { key: publisher.feed.db.key, node: '0a'.repeat(32) })
  await importAll(office, place)
  const due = [FAR, OURS.publisher, OURS.branch, ...(branch.kept.has(idOf(AFTER)) ? [AFTER] : [])]
  const lost = due.filter((record) => !office.kept.has(idOf(record)))
  await office.remove()
  const { state } = await inspectStick(realFileSystem, place, { everyByte: true, signal: never })
  if (state !== 'complete') return `the stick is ${state} after the next round of ${act}`
  return lost.length === 0 ? null : `${lost.length} of ${due.length} reports are lost`
}

const idOf = ({ bytes }: { bytes: Uint8Array }) => Buffer.from(bytes).toString('hex')

/** How many operations on the stick the round takes, so that the pull can hit each of them. */
async function countOperations(t: TestContext, act: Act, publisher: TestHome): Promise<number> {
  const place = await temporaryFolder(t)
  const branch = await openBranch(t, publisher)
  await prepareStick(t, act, publisher, place)
  let count = 0
  const fs = watched(tools.fs, async () => {
    count++
  })
  await perform(act, publisher, branch, place, { ...tools, fs })
  await branch.close()
  return count
}

interface PullingTools extends StickTools {
  /** returns when the stick is out */
  pulled(): Promise<void>
}

/** Tools whose file system pulls the medium at a moment. */
function pullingTools(medium: Medium, moment: Moment): PullingTools {
  let count = 0
  let pulling: Promise<void> | null = null
  const before = async () => {
    if (count++ === moment.at) pulling = medium.pull()
    if (moment.waits || count > moment.at + 1) await pulling
  }
  return {
    ...tools,
    fs: watched(tools.fs, before),
    pulled: () => {
      pulling ??= medium.pull()
      return pulling
    }
  }
}

/** `fs` with `before` called ahead of every operation. */
function watched(fs: FileSystem, before: () => Promise<void>): FileSystem {
  const wrap =
    <A extends unknown[], R>(operation: (...args: A) => Promise<R>) =>
    async (...args: A): Promise<R> => {
      await before()
      return operation(...args)
    }
  const wrapAll = <T extends object>(target: T): T =>
    Object.fromEntries(
      Object.entries(target).map(([name, operation]) => [
        name,
        wrap((operation as () => Promise<unknown>).bind(target))
      ])
    ) as T
  return {
    ...wrapAll(fs),
    openFile: wrap(async (path: string) => wrapAll(await fs.openFile(path))),
    createFile: wrap(
      async (path: string, mode: number, hint?: WriteHint): Promise<FileWriter> =>
        wrapAll(await fs.createFile(path, mode, hint))
    )
  }
}

async function holdsOnlyVerified(branch: TestHome, publisher: TestHome): Promise<boolean> {
  return (
    (await isPartOf(branch.feed.db, publisher.feed.db)) &&
    (await isPartOf(await branch.feed.blobs(), await publisher.feed.blobs()))
  )
}

/** Why it cannot be mounted any more, or null. */
async function plugAgain(medium: Medium): Promise<string | null> {
  // a driver refuses a folder that is not empty: nothing may have been written there
  const left = await readdir(medium.place)
  return medium.plug().then(
    () => null,
    (error: unknown) => `${left.length === 0 ? '' : `left in the empty folder: ${left.join(', ')}; `}${error}`
  )
}

/** Numbers in [0, 1), the same for the same seed (mulberry32). */
function randomFrom(seed: number): () => number {
  let state = seed
  return () => {
    state = (state + 0x6d2b79f5) | 0
    let n = Math.imul(state ^ (state >>> 15), 1 | state)
    n = (n + Math.imul(n ^ (n >>> 7), 61 | n)) ^ n
    return ((n ^ (n >>> 14)) >>> 0) / 2 ** 32
  }
}
