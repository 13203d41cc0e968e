// Pulls a real stick at random moments of an export or import, plugs it in again and looks: nothing unverified came in,
// nothing was lost, and the next round completes.
import type { TestContext } from 'node:test'
import { ChasquiError } from '../../src/errors.ts'
import type { StickTools } from '../../src/stick/round.ts'
import type { FileSystem, FileWriter } from '../../src/system/file-system.ts'
import { type MediaKind, type Medium, newMedium } from './media.ts'
import { exportAll, holdsReleases, importAll, isPartOf, publish, tools } from './scene.ts'
import { openTestHome, type TestHome, temporaryFolder } from './support.ts'

export interface PullOptions {
  kind: MediaKind
  act: 'export' | 'import'
  times: number
  seed: number
}

export interface PullOutcomes {
  /** the round had ended before the pull */
  finished: number
  /** the round failed with its own error code */
  refused: number
  /** the file system did not come back (it needs a repair that only its own tools make): the stick was made anew */
  reformatted: number
  /** something that must not be */
  wrong: number
  notes: string[]
}

const RELEASES = 3

/** Runs `times` rounds, each cut at a random operation on the stick. */
export async function pullDuring(t: TestContext, options: PullOptions): Promise<PullOutcomes> {
  const outcomes: PullOutcomes = { finished: 0, refused: 0, reformatted: 0, wrong: 0, notes: [] }
  const random = randomFrom(options.seed)
  const publisher = await openTestHome(t, { seed: 1 })
  for (let release = 1; release <= RELEASES; release++) await publish(publisher, release)
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
  const branch = await openTestHome(t, { key: publisher.feed.db.key, node: '0b'.repeat(32) })
  try {
    if (act === 'import') await exportAll(publisher, medium.place)
    const cut = pullingTools(medium, moment)
    const work =
      act === 'export' ? exportAll(publisher, medium.place, cut) : importAll(branch, medium.place, cut)
    const error = await work.then(
      () => null,
      (thrown: unknown) => thrown
    )
    if (error === null) outcomes.finished++
    else if (error instanceof ChasquiError) outcomes.refused++
    else return `an error without a code: ${String(error)}`
    await cut.pulled()
    if (!(await holdsOnlyVerified(branch, publisher))) return 'an unverified block came in'
    const broken = await plugAgain(medium)
    if (broken !== null) {
      outcomes.notes.push(broken)
      outcomes.reformatted++
      return null
    }
    await exportAll(publisher, medium.place)
    const taken = await importAll(branch, medium.place)
    if (taken.rejected.length > 0) return `refused after repair: ${JSON.stringify(taken.rejected)}`
    return (await holdsReleases(branch, RELEASES)) ? null : 'releases are missing after the next round'
  } finally {
    await branch.close()
    await medium.remove()
  }
}

/** How many operations on the stick the round takes, so that the pull can hit each of them. */
async function countOperations(
  t: TestContext,
  act: PullOptions['act'],
  publisher: TestHome
): Promise<number> {
  const place = await temporaryFolder(t)
  const branch = await openTestHome(t, { key: publisher.feed.db.key, node: '0b'.repeat(32) })
  if (act === 'import') await exportAll(publisher, place)
  let count = 0
  const counting = {
    ...tools,
    fs: watched(tools.fs, async () => {
      count++
    })
  }
  await (act === 'export' ? exportAll(publisher, place, counting) : importAll(branch, place, counting))
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
      async (path: string, mode: number): Promise<FileWriter> => wrapAll(await fs.createFile(path, mode))
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
  return medium.plug().then(
    () => null,
    (error: unknown) => String(error)
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
