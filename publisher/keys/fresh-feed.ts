// The feed of now cannot be appended to: it is frozen, its key is gone, a thief has written into it, or this home was
// restored and may lack what was published last. The next feed gets everything at once, under new online keys, so that
// branches forget what they were told last, whoever told them.
import { ChasquiError } from '../../src/errors.ts'
import { grantsIn } from '../../src/feed/grant-files.ts'
import type { PutFile } from '../../src/feed/publish-blocks.ts'
import { tufPath } from '../../src/feed/tuf-files.ts'
import { openReport } from '../../src/fleet/report.ts'
import { nobodyRevoked, parseRevoked, REVOKED_PATH } from '../../src/fleet/revoked.ts'
import { readRootChain } from '../../src/system/trust-store.ts'
import { replaceFeed, setRootSigners } from '../../src/trust/ceremony.ts'
import type { FleetDraft } from '../../src/trust/draft.ts'
import type { OpenKey } from '../../src/trust/key-file.ts'
import { sealingPairOf } from '../../src/trust/keys.ts'
import { applyRequest } from '../../src/trust/signing-request.ts'
import { fleetOfRoot } from '../../src/trust/trust.ts'
import type { PublisherApp } from '../app.ts'
import { type KeyChange, publicationFiles } from '../commit.ts'
import { renewGrants } from '../grants.ts'
import { beginWork } from '../own-work.ts'
import { finishChange, openDraft, publicKeyOf, signerOfKey } from './change.ts'
import { differences } from './feed-copy.ts'
import { dropFeedRequest, keepFeedRequest, keptFeedRequest } from './feed-request.ts'
import { isBehind, isRobbed } from './ground.ts'
import type { Waiting } from './leave-request.ts'
import type { NextFeed } from './rotate-feed.ts'

const LEFT = ['FEED_CONFLICT', 'FEED_RESTORED', 'KEY_MISSING']

/** Throws FEED_BEHIND when there is something newer that could still come, and nobody said to leave it. */
export async function mustStartAfresh(app: PublisherApp, forgetNewer: boolean): Promise<boolean> {
  const trouble = await troubleOf(app)
  if (trouble === null || isRobbed(trouble)) return trouble !== null
  if (trouble instanceof ChasquiError && LEFT.includes(trouble.code)) return true
  if (!isBehind(trouble)) throw trouble
  if (forgetNewer || (await isForkReported(app))) return true
  throw new ChasquiError('FEED_BEHIND', (trouble as Error).message, {
    cause: trouble,
    hint: 'look for a newer copy (a branch online, a stick); when there is none, leave the rest behind with --forget-newer'
  })
}

/** Why nothing can be appended now, or null. */
async function troubleOf(app: PublisherApp): Promise<unknown> {
  try {
    await app.fleet.view()
    await app.writer.check()
    return null
  } catch (error) {
    return error
  }
}

/** A branch says that it has seen two histories: what is missing here is the other one, and cannot come. */
async function isForkReported(app: PublisherApp): Promise<boolean> {
  try {
    await app.records.open()
    const sealing = sealingPairOf((await app.keys.openOne('sealing')).seed)
    const reports = app.records.set.list('report').filter(({ member }) => member.role === 'branch')
    return reports.some(({ body }) => openReport(body, sealing).feed.conflict !== null)
  } catch (error) {
    app.log.warn({ err: error }, 'the reports cannot be read')
    return false
  }
}

/** Root names the feed and another online key; the change is for the next feed only. Null: it is there already. */
export async function nameAfresh(
  app: PublisherApp,
  next: NextFeed,
  online: OpenKey,
  passphrase: string | undefined
): Promise<Waiting | { change: KeyChange } | null> {
  if ((await (await next.feed.snapshot())?.has(tufPath('timestamp.json'))) === true) return null
  const draft = await draftOf(app, next, online)
  const made: KeyChange[] = []
  const waiting = await finishChange(app, draft, {
    roles: ['root', 'targets'],
    passphrase,
    more: [signerOfKey(online)],
    put: async (change) => void made.push(change)
  })
  if (waiting !== null) await keepFeedRequest(app, waiting)
  return waiting ?? { change: made[0] as KeyChange }
}

async function draftOf(app: PublisherApp, next: NextFeed, online: OpenKey): Promise<FleetDraft> {
  const draft = await openDraft(app, { isLost: true })
  const kept = await keptFeedRequest(app)
  if (kept !== null) {
    applyRequest(draft, kept.request, app.fleet.id)
    return draft
  }
  replaceFeed(draft, next.feed.key)
  setRootSigners(draft, 'online', { keys: [publicKeyOf(online.public)], threshold: 1 })
  return draft
}

/** Everything but packs and releases as one step; returns how many nodes have the key. */
export async function fillAfresh(
  app: PublisherApp,
  next: NextFeed,
  named: { change: KeyChange } | null
): Promise<number> {
  const [snapshot, there] = [await app.feed.snapshot(), await next.feed.snapshot()]
  if (named === null || snapshot === null) return there === null ? 0 : (await grantsIn(there)).length
  const { change } = named
  const fleet = fleetOfRoot(rootOf(change))
  const { generation } = fleet.feed
  const grants = await renewGrants(
    app,
    { feed: next.feed, generation, there: [] },
    { snapshot, fleet, revoked: revokedOf(change) }
  )
  const own = [...(await rootFiles(app)), ...change.files, ...publicationFiles(change.publication)]
  const isOwn = new Set(own.map(({ path }) => path))
  const rest = (await differences(snapshot, there)).put.filter(({ path }) => isKept(path) && !isOwn.has(path))
  const end = await beginWork(app, change.publication, change.files)
  const { version } = await next.writer.publish({ put: [...grants.put, ...rest, ...own], remove: [] })
  await end(version, next.feed.key)
  await dropFeedRequest(app)
  return grants.live
}

/** Of the metadata of the former feed only roots: the rest is what this change vouches for. */
function isKept(path: string): boolean {
  return !path.startsWith('/tuf/') || path.endsWith('.root.json')
}

async function rootFiles(app: PublisherApp): Promise<(PutFile & { bytes: Uint8Array })[]> {
  const chain = await readRootChain(app.paths.trust)
  return [...chain].map(([version, bytes]) => ({ path: tufPath(`${version}.root.json`), bytes }))
}

function rootOf({ publication }: KeyChange): Uint8Array {
  const root = [...publication.files].find(([name]) => name.endsWith('.root.json'))
  if (root === undefined) throw new TypeError('the change names no feed')
  return root[1]
}

function revokedOf({ files }: KeyChange) {
  const file = files.find(({ path }) => path === `/${REVOKED_PATH}`)
  return file === undefined ? nobodyRevoked() : parseRevoked(file.bytes)
}
