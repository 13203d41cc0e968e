// An opened node's home: everything that its commands and its daemon work with, put together once.
import { EventEmitter } from 'node:events'
import { asChasquiError } from '../src/errors.ts'
import { openFeed } from '../src/feed/feed.ts'
import type { Store } from '../src/feed/store.ts'
import type { Feed } from '../src/feed/types.ts'
import { Evidence } from '../src/fleet/evidence.ts'
import type { PlanMode } from '../src/fleet/plan-input.ts'
import { InternetUse } from '../src/member/internet-use.ts'
import { LinkPause } from '../src/member/link-pause.ts'
import { LinkPolicy } from '../src/member/link-policy.ts'
import { RecordKeeper } from '../src/member/record-keeper.ts'
import type { BlockExchange } from '../src/net/blocks/exchange.ts'
import type { GossipBudget } from '../src/net/gossip-budget.ts'
import type { Links } from '../src/net/link-options.ts'
import type { StickHome } from '../src/stick/home.ts'
import type { WatchedStick } from '../src/stick/watched-stick.ts'
import type { FileSystem } from '../src/system/file-system.ts'
import type { HomeIdentity, HomePaths } from '../src/system/home.ts'
import type { Log } from '../src/system/log.ts'
import type { ProcessRunner } from '../src/system/process.ts'
import type { StateStore } from '../src/system/state.ts'
import { Turns } from '../src/system/turns.ts'
import { ExactAdoption } from './adoption.ts'
import type { ApplyResult, Engine } from './apply/types.ts'
import { type Catalog, ReleaseCache } from './catalog.ts'
import { loadNodeConfig } from './config/load.ts'
import type { NodeConfig } from './config/schema.ts'
import { createNodeEngine } from './engine.ts'
import { Fetcher } from './fetcher.ts'
import { FeedFollower } from './follow.ts'
import { takeGrant } from './grant.ts'
import { type FleetAccess, type NodeIdentity, saveAccess } from './identity.ts'
import { Members } from './members.ts'
import { makePlan, type NodePlan } from './planner.ts'
import { Presence } from './presence.ts'
import type { Problem } from './report.ts'
import { Sources } from './sources.ts'
import { nodeStickHome } from './stick-home.ts'
import { Transfers } from './transfers.ts'
import { type FleetView, TrustKeeper } from './trust-keeper.ts'

const JUDGED_AGAIN = 10 * 60_000 // milliseconds until the age of the news is looked at again

export interface NodeTools {
  /** of this software */
  version: string
  log: Log
  now(): number
  fs?: FileSystem
  runner?: ProcessRunner
}

export class NodeApp {
  readonly paths: HomePaths
  readonly home: HomeIdentity
  readonly identity: NodeIdentity
  readonly tools: NodeTools
  readonly state: StateStore
  readonly store: Store
  /** the fleet's newest feed that this node has the key of */
  feed: Feed
  readonly trust: TrustKeeper
  readonly records: RecordKeeper
  readonly evidence: Evidence
  readonly members: Members
  readonly fetcher: Fetcher
  readonly sources: Sources
  readonly internetUse: InternetUse
  readonly linkPause: LinkPause
  readonly linkPolicy: LinkPolicy
  readonly transfers: Transfers
  readonly engine: Engine
  readonly startedAt: number
  readonly presence: Presence
  /** what was ended at the start that a cut had left behind */
  recovered: ApplyResult[] = []
  /** the daemon's, while one runs */
  links: Links | null = null
  /** of blocks, while a daemon runs */
  exchange: BlockExchange | null = null
  /** what gossip has cost today, while a daemon runs */
  gossip: GossipBudget | null = null
  /** what the rest of the program may want to hear of: `imported`, `changed` */
  readonly events = new EventEmitter<{ imported: []; changed: [] }>()
  readonly stick: StickHome
  /** sticks at hand, while a daemon watches for them */
  sticks: () => WatchedStick[] = () => []
  config: NodeConfig
  /** what goes wrong outside transactions, by where: shown in status and reports until it is right again */
  readonly problems = new Map<string, Problem>()
  /** releases (`app/module@version`) whose packs wait for a link that is paused */
  readonly waiting = new Set<string>()
  readonly version: string
  readonly #turns = new Turns()
  readonly #refreshing = new Turns()
  #refreshedAt = 0
  /** while links are up, they go down before the feed changes and come up again after it */
  aroundMove: (move: () => Promise<void>) => Promise<void> = (move) => move()
  readonly follower: FeedFollower
  readonly #cache = new ReleaseCache()
  readonly #adoption = new ExactAdoption(this)
  #stop = new AbortController()

  constructor(parts: NodeParts) {
    this.paths = parts.paths
    this.home = parts.home
    this.identity = parts.identity
    this.config = parts.config
    this.tools = parts.tools
    this.state = parts.state
    this.store = parts.store
    this.feed = parts.feed
    this.startedAt = parts.tools.now()
    this.version = parts.tools.version
    const now = () => this.now()
    const directory = this.paths.trust
    this.trust = new TrustKeeper({ state: this.state, directory, fleetId: this.home.fleet, now })
    this.members = new Members(this.identity, this.trust)
    this.records = new RecordKeeper({
      state: this.state,
      self: this.identity,
      verifyMembership: (membership) => this.members.verify(membership, null),
      now,
      log: this.log
    })
    this.evidence = new Evidence(this.records.set)
    this.sources = new Sources(this.state)
    this.presence = new Presence({ state: this.state, now })
    this.internetUse = new InternetUse({ state: this.state, now: () => this.now() })
    this.linkPause = new LinkPause(this.state)
    this.linkPolicy = new LinkPolicy({
      links: () => this.config.links,
      usedThisMonth: (time) => this.internetUse.used(time),
      paused: (time) => this.linkPause.at(time)
    })
    this.transfers = new Transfers(now)
    this.fetcher = new Fetcher({
      feed: () => this.feed,
      sources: this.sources,
      hasPeers: () => (this.links?.peers().length ?? 0) > 0,
      isPaused: () => {
        const classes = (this.links?.peers() ?? []).map((peer) => peer.link.class)
        return this.linkPolicy.areAllPaused(classes, this.now())
      },
      awaited: () => this.exchange?.awaited ?? 0,
      isPaced: () => this.exchange?.isPaced ?? false
    })
    this.follower = new FeedFollower({
      identity: this.identity,
      paths: this.paths,
      store: this.store,
      log: this.log,
      fleet: () => this.trust.fleet,
      inTurn: (work) => this.inTurn(work),
      move: (access) => this.aroundMove(() => this.#move(access)),
      moved: () => this.events.emit('changed')
    })
    this.engine = createNodeEngine(this)
    this.stick = nodeStickHome(this)
  }

  get log(): Log {
    return this.tools.log
  }

  get name(): string {
    return this.config.node.name ?? this.home.name
  }

  /** Aborts when the home is closed. */
  get stopped(): AbortSignal {
    return this.#stop.signal
  }

  now(): number {
    return this.tools.now()
  }

  /**
   * After whatever is being read of the feed: the one that `access` opens takes its place. What is durable first is where
   * to go: a cut leaves a home that opens the new feed.
   */
  async #move(access: FleetAccess): Promise<void> {
    await this.#refreshing.take(async () => {
      await saveAccess(this.paths, access)
      const { feedKey: key, feedEncryptionKey: encryptionKey } = access
      const former = this.feed
      this.feed = await openFeed(this.store, { key, encryptionKey })
      this.identity.access = access
      this.trust.leaveFeed()
      await former.close()
    })
  }

  /** The newest usable version of the feed under the newest trust; null while nothing has arrived. Throws TUF_*. */
  refresh(): Promise<FleetView | null> {
    return this.#refreshing.take(() => this.#refresh())
  }

  async #refresh(): Promise<FleetView | null> {
    const snapshot = await this.feed.snapshot()
    if (snapshot === null) return null
    const { view } = this.trust
    // what was fresh an hour ago may have run out since
    const isRecent = Math.abs(this.now() - this.#refreshedAt) < JUDGED_AGAIN
    if (isRecent && view?.snapshot.version === snapshot.version) return view
    const next = await this.trust.refresh(snapshot)
    this.#refreshedAt = this.now()
    await this.#countersign(next)
    await this.follower.dropFormer()
    this.follower.followSoon()
    return next
  }

  /** The publisher's grant, when this version of the feed brings it; trouble with it stops nothing else. */
  async #countersign(view: FleetView): Promise<void> {
    const where = 'membership'
    try {
      this.members.clone = null
      await takeGrant(this, view)
      this.problems.delete(where)
    } catch (thrown) {
      const error = asChasquiError(thrown)
      if (error.code === 'MEMBER_CLONED') this.members.clone = error
      this.problems.set(where, { code: error.code, message: error.message })
    }
  }

  /** What would be applied now, or null while nothing of the feed is here; it starts from what is recognised as installed. */
  async plan(mode: PlanMode, app?: string): Promise<NodePlan | null> {
    const view = await this.refresh()
    if (view === null) return null
    await this.#adoption.run(view)
    return makePlan(this.#plannerParts(), view, mode, app)
  }

  /** Verified releases of modules. */
  async catalog(view: FleetView, modules: Iterable<string>): Promise<Catalog> {
    return this.#cache.load(view, modules)
  }

  /** Runs work that changes apps, one piece after the other. */
  inTurn<T>(work: () => Promise<T>): Promise<T> {
    return this.#turns.take(work)
  }

  async reloadConfig(): Promise<void> {
    this.config = await loadNodeConfig(this.paths.config, process.env)
  }

  async close(): Promise<void> {
    this.#stop.abort()
    await this.#turns.ended()
    await this.links?.stop()
    await this.records.flush()
    await this.feed.close()
    await this.store.close()
    await this.state.close()
  }

  #plannerParts() {
    return {
      config: () => this.config,
      engine: this.engine,
      state: this.state,
      cache: this.#cache,
      evidence: this.evidence,
      fleet: this.home.fleet,
      member: () => this.members.served(),
      now: () => this.now(),
      offTimes: () => this.presence.offTimes()
    }
  }
}

export interface NodeParts {
  paths: HomePaths
  home: HomeIdentity
  identity: NodeIdentity
  config: NodeConfig
  tools: NodeTools
  state: StateStore
  store: Store
  feed: Feed
}
