// Brings a publisher's own feed back from a member that has it: its newest version and every pack that the member holds.
import { withHome } from '../../src/control/home.ts'
import { ChasquiError } from '../../src/errors.ts'
import { startFleetLinks } from '../../src/member/fleet-links.ts'
import type { HomePaths } from '../../src/system/home.ts'
import type { Log } from '../../src/system/log.ts'
import { openPublisher, type PublisherApp } from '../app.ts'

export interface RecoverRequest {
  paths: HomePaths
  /** host:port */
  peer: string
  log: Log
  signal: AbortSignal
  onProgress(done: number, total: number): void
}

export interface Recovered {
  /** version of the feed */
  version: number
  packs: number
  /** bytes of packs that the member did not have */
  missing: number
}

const PATIENCE = 60_000 // milliseconds until a feed must have begun to come
const QUIET = 2_000 // milliseconds without a newer version: this is the newest that the peer has
const STALL = 20_000 // milliseconds without a block of a pack
const POLL = 100 // milliseconds

/** Throws RECOVER_NOTHING when nothing comes, HOME_*, PEER_ADDRESS_INVALID. */
export async function recoverFromPeer(request: RecoverRequest): Promise<Recovered> {
  const { paths, log } = request
  return withHome(
    paths,
    () => openPublisher(paths, log),
    (app) => catchUp(app, request)
  )
}

async function catchUp(app: PublisherApp, { peer, signal, onProgress }: RecoverRequest): Promise<Recovered> {
  await app.fleet.prepare()
  await app.records.open()
  const { stop } = await startFleetLinks({
    self: { ...app.member },
    settings: { internet: false, lan: false, peers: [peer] },
    verifyMembership: (membership) => app.fleet.verifyMembership(membership, null),
    feed: app.feed,
    records: app.records.set,
    log: app.log,
    now: app.now
  })
  try {
    await newestVersion(app, peer, signal)
    const { snapshot } = await app.fleet.view()
    const packs = await snapshot.list('/packs/')
    await fetchPacks(app, packs, signal, onProgress)
    return { version: snapshot.version, packs: packs.length, missing: await app.feed.missing(packs) }
  } finally {
    await stop()
    await app.records.flush()
  }
}

/** Waits until a version is here and no newer one follows it. */
async function newestVersion(app: PublisherApp, peer: string, signal: AbortSignal): Promise<void> {
  let seen = 0
  let waited = 0
  for (let quiet = 0; quiet < QUIET || seen === 0; quiet += POLL, waited += POLL) {
    signal.throwIfAborted()
    if (seen === 0 && waited > PATIENCE) {
      throw new ChasquiError('RECOVER_NOTHING', `${peer} has sent nothing of the feed`, {
        hint: 'check that the branch runs and listens there, or take a stick: --from STICK'
      })
    }
    await new Promise((resolve) => setTimeout(resolve, POLL))
    const version = await app.fleet.view().then(
      (view) => view.snapshot.version,
      () => 0
    )
    if (version !== seen) quiet = 0
    seen = version
  }
}

/** What the member does not have stays missing; the rest is enough to go on. */
async function fetchPacks(
  app: PublisherApp,
  packs: string[],
  signal: AbortSignal,
  onProgress: RecoverRequest['onProgress']
): Promise<void> {
  const stall = new AbortController()
  let timer = setTimeout(() => stall.abort(), STALL)
  try {
    await app.feed.fetch(packs, {
      signal: AbortSignal.any([signal, stall.signal]),
      onProgress({ done, total }) {
        clearTimeout(timer)
        timer = setTimeout(() => stall.abort(), STALL)
        onProgress(done, total)
      }
    })
  } catch (error) {
    if (!stall.signal.aborted || signal.aborted) throw error
  } finally {
    clearTimeout(timer)
  }
}
