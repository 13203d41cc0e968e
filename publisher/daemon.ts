// `publisher run`: serves the feed to members, collects their reports, answers the commands of this home, and signs the
// timestamp again every day, so that branches can tell silence from news.
import type { ControlEvent } from '../src/control/commands.ts'
import { untilStopped, withHome } from '../src/control/home.ts'
import { type ControlServer, serveControl } from '../src/control/server.ts'
import { readGrantFile } from '../src/feed/grant-files.ts'
import { GrantOwners } from '../src/feed/grant-owners.ts'
import type { AddResult } from '../src/fleet/record-set.ts'
import { parseReportHeader } from '../src/fleet/report.ts'
import { type FleetLinks, startFleetLinks } from '../src/member/fleet-links.ts'
import { formatHostPort } from '../src/net/address.ts'
import type { Links } from '../src/net/link-options.ts'
import type { Peer } from '../src/net/peer.ts'
import { realStickTools } from '../src/stick/commands.ts'
import { mountSource } from '../src/stick/mounts.ts'
import { type StickWatcher, watchSticks } from '../src/stick/watcher.ts'
import type { HomePaths } from '../src/system/home.ts'
import type { Log } from '../src/system/log.ts'
import { realFileSystem } from '../src/system/real-file-system.ts'
import { toHex } from '../src/trust/bytes.ts'
import { enrolmentKeysOf } from '../src/trust/ceremony.ts'
import { requireOwner } from '../src/trust/membership.ts'
import { openPublisher, type PublisherApp } from './app.ts'
import { type Care, takeCare } from './care.ts'
import { publisherTable, stickHome } from './commands.ts'
import { type LinkFlags, linkSettings } from './links.ts'
import { isRevoked } from './members.ts'
import { publisherStickHome } from './stick-home.ts'
import { changesEnded } from './turns.ts'

export interface RunOptions extends LinkFlags {
  paths: HomePaths
  /** more folders below which sticks appear; null: do not look for sticks; undefined: as chasqui.toml says */
  sticks: string[] | null | undefined
  log: Log
  signal: AbortSignal
  /** what happens, one event after the other */
  emit(event: ControlEvent): void
}

/** Runs until `signal`. Throws HOME_*, ADDRESS_IN_USE, PEER_ADDRESS_INVALID. */
export async function runPublisher(options: RunOptions): Promise<void> {
  const { paths, log } = options
  await withHome(
    paths,
    () => openPublisher(paths, log),
    (app) => serve(app, options)
  )
}

async function serve(app: PublisherApp, options: RunOptions): Promise<void> {
  const { emit, signal } = options
  await app.records.open()
  const watch = { owners: await grantOwners(app), care: takeCare(app) }
  let links: FleetLinks | null = null
  let stopWatching = () => {}
  let sticks: StickWatcher | null = null
  let control: ControlServer | null = null
  const connect = async (listen: string | undefined) => {
    links = await startLinks(app, options, watch, listen)
    app.links = links
    stopWatching = watchFeed(app, links.links, watch.owners, emit)
    return links.links
  }
  try {
    control = await serveControl(options.paths.control, app, publisherTable)
    const { name } = app.identity
    const started = await connect(options.listen)
    app.aroundMove = async (move) => {
      const at = links?.links.listening() ?? null
      stopWatching()
      await links?.stop()
      await move().finally(async () => {
        if (!signal.aborted) await connect(at === null ? options.listen : formatHostPort(at))
      })
      emit({ event: 'feed', feed: toHex(app.feed.key) })
    }
    sticks = startSticks(app, options)
    const [node, feed] = [app.member.node, toHex(app.feed.key)]
    emit({ event: 'ready', name, node, feed, listening: started.listening() })
    await untilStopped(signal)
  } finally {
    await sticks?.stop()
    watch.care.stop()
    await control?.close()
    app.aroundMove = (move) => move()
    await changesEnded(app) // a move on its way ends
    stopWatching()
    await (links as FleetLinks | null)?.stop()
    app.links = null
    await app.records.flush()
  }
  emit({ event: 'stopped' })
}

/** `listen`: that of the options, or where it listened before the feed changed. */
function startLinks(
  app: PublisherApp,
  options: RunOptions,
  { owners, care }: Watch,
  listen: string | undefined
): Promise<FleetLinks> {
  const { emit } = options
  return startFleetLinks({
    self: { ...app.member },
    state: app.state,
    settings: linkSettings(app, { ...options, listen }),
    verifyMembership: (membership) => {
      const member = app.fleet.verifyMembership(membership, app.now())
      requireOwner(member, owners.owner(member.invite))
      return member
    },
    feed: app.feed,
    records: app.records.set,
    roots: publisherStickHome(app).roots,
    grants: {
      generation: async () => (await app.fleet.view()).trust.fleet.feed.generation,
      find: async (invite) => readGrantFile(await app.feed.snapshot(), invite),
      // the publisher is where they come from
      take: async () => undefined
    },
    announce: (type, header) => app.records.announce(type, header),
    onPeer: (peer) => {
      app.internetUse.track(peer)
      tellPeer(peer, emit)
    },
    onRecord: (result, peer) => {
      app.records.note(result, peer.member.name)
      tellReport(result, peer, emit)
      care.heard(result, owners)
    },
    log: app.log,
    now: app.now
  })
}

function watchFeed(
  app: PublisherApp,
  links: Links,
  owners: GrantOwners,
  emit: RunOptions['emit']
): () => void {
  return app.feed.onUpdate(() => void onNewVersion(app, links, owners, emit))
}

/** What of it can be read now; a feed that is away or behind comes later. */
async function grantOwners(app: PublisherApp): Promise<GrantOwners> {
  const owners = new GrantOwners()
  await readOwners(app, owners).catch((error: unknown) =>
    app.log.warn({ err: error }, 'the grants cannot be read')
  )
  return owners
}

/** Throws FEED_EMPTY, FEED_BEHIND, TUF_*. */
async function readOwners(app: PublisherApp, owners: GrantOwners): Promise<void> {
  const { snapshot, trust } = await app.fleet.view()
  await owners.refresh(toHex(app.feed.key), snapshot, enrolmentKeysOf(trust.fleet))
}

/** Plug and wait: every stick of this fleet gets the newest and gives its reports. */
/** Null when sticks are not to be looked for: a flag says more than chasqui.toml. */
function startSticks(
  app: PublisherApp,
  { sticks, emit }: Pick<RunOptions, 'sticks' | 'emit'>
): StickWatcher | null {
  const { watch, roots } = app.config.sticks
  if (sticks === null || (sticks === undefined && !watch)) return null
  const mounts = mountSource(realFileSystem, process.platform, [...roots, ...(sticks ?? [])])
  return watchSticks({ home: stickHome(app), mounts, tools: realStickTools, log: app.log, emit })
}

function tellPeer(peer: Peer, emit: RunOptions['emit']): void {
  const { node, name, class: link, address } = peer.info()
  emit({ event: 'peer', node, name, link, address })
  peer.onClose(() => emit({ event: 'peer-gone', node, name, bytesIn: peer.bytesIn, bytesOut: peer.bytesOut }))
}

function tellReport(result: AddResult, peer: Peer, emit: RunOptions['emit']): void {
  if (result.outcome !== 'added' || result.record.type !== 'report') return
  const { member, header } = result.record
  emit({
    event: 'report',
    node: member.node,
    name: member.name,
    via: peer.member.name,
    apps: safeApps(header)
  })
}

function safeApps(header: Uint8Array): unknown {
  try {
    return parseReportHeader(header).apps
  } catch {
    return {}
  }
}

/** After every publish: members who were revoked, and clones, lose their connections at once. */
async function onNewVersion(
  app: PublisherApp,
  links: Links,
  owners: GrantOwners,
  emit: RunOptions['emit']
): Promise<void> {
  try {
    if (app.feed.conflict !== null) emit({ event: 'conflict', ...app.feed.conflict })
    const { snapshot, revoked } = await app.fleet.view()
    emit({ event: 'version', version: snapshot.version })
    await readOwners(app, owners)
    links.recheckMembers()
    app.records.set.prune(app.now(), (member) => isRevoked(revoked, member))
  } catch (error) {
    app.log.error({ err: error }, 'the new version of the feed cannot be read')
  }
}

interface Watch {
  owners: GrantOwners
  care: Care
}
