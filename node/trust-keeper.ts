// What this node believes about its fleet: the TUF metadata that it has accepted, kept as files, and what the
// online role says (channels, yanks, revocations). Yanks and revocations only grow here, whatever is heard later.
import { ChasquiError } from '../src/errors.ts'
import { readTarget } from '../src/feed/signed-files.ts'
import { feedMetadataSource } from '../src/feed/tuf-files.ts'
import type { FeedSnapshot } from '../src/feed/types.ts'
import {
  CHANNELS_LIMIT,
  CHANNELS_PATH,
  type Channels,
  emptyChannels,
  mergeYanks,
  parseChannels,
  type Yanks
} from '../src/fleet/channels.ts'
import {
  mergeRevoked,
  nobodyRevoked,
  parseRevoked,
  REVOKED_LIMIT,
  REVOKED_PATH,
  type RevokedFile
} from '../src/fleet/revoked.ts'
import type { StateStore } from '../src/system/state.ts'
import { openTrustStore, readRootChain } from '../src/system/trust-store.ts'
import { Turns } from '../src/system/turns.ts'
import { refreshTrust, type TrustStore } from '../src/trust/refresh.ts'
import { type FleetInfo, fleetOfRoot, type Trust } from '../src/trust/trust.ts'

/** One consistent view: trust and everything that was read under it. */
export interface FleetView {
  trust: Trust
  snapshot: FeedSnapshot
  channels: Channels
  /** everything that was ever heard to be withdrawn */
  yanks: Yanks
}

export interface TrustKeeperParts {
  state: StateStore
  /** folder of the accepted metadata */
  directory: string
  fleetId: string
  now(): number
}

export class TrustKeeper {
  readonly #parts: TrustKeeperParts
  readonly #store: TrustStore
  #view: FleetView | null = null
  #revoked: RevokedFile = nobodyRevoked()
  #yanks: Yanks = {}
  #heardAt: number | null = null
  #sealing: string | null = null
  #fleet: FleetInfo | null = null
  #rootVersion = 0
  /** the feed and peers bring roots at the same time: two changes of the kept metadata at once would undo one another */
  readonly #turns = new Turns()
  /** ids of the online keys under which yanks and revocations were heard */
  #online: string[] = []

  constructor(parts: TrustKeeperParts) {
    this.#parts = parts
    this.#store = openTrustStore(parts.directory)
  }

  /** Reads what earlier runs kept. */
  async open(): Promise<void> {
    const { state } = this.#parts
    this.#revoked = ((await state.get('fleet/revoked')) as RevokedFile | undefined) ?? nobodyRevoked()
    this.#yanks = ((await state.get('fleet/yanks')) as Yanks | undefined) ?? {}
    this.#online = ((await state.get('fleet/online')) as string[] | undefined) ?? []
    this.#heardAt = ((await state.get('fleet/heard')) as number | undefined) ?? null
    this.#sealing = ((await state.get('fleet/sealing')) as string | undefined) ?? null
    await this.#noteRoot()
  }

  get view(): FleetView | null {
    return this.#view
  }

  /** what the newest trusted root says, also while nothing else of the feed is here; null before the first root */
  get fleet(): FleetInfo | null {
    return this.#fleet
  }

  /** the newest trusted root; 0 before the first */
  get rootVersion(): number {
    return this.#rootVersion
  }

  /** The feed that the view was read from is not this home's any more. */
  leaveFeed(): void {
    this.#view = null
  }

  get revoked(): RevokedFile {
    return this.#revoked
  }

  /** X25519 key (hex) that reports are sealed to, as the newest trusted root named it; null before the first root */
  get sealing(): string | null {
    return this.#fleet?.sealing ?? this.#sealing
  }

  /** ms: when news of the publisher last came in */
  get heardAt(): number | null {
    return this.#heardAt
  }

  /** The root chain that was accepted: version → bytes. */
  roots(): Promise<Map<number, Uint8Array>> {
    return readRootChain(this.#parts.directory)
  }

  /**
   * Takes root versions from elsewhere (a stick, gossip), each verified by the one before; says how many were new. What
   * does not follow from the newest trusted root is refused. Throws TUF_*.
   */
  offerRoots(chain: ReadonlyMap<number, Uint8Array>): Promise<number> {
    return this.#turns.take(() => this.#offerRoots(chain))
  }

  async #offerRoots(chain: ReadonlyMap<number, Uint8Array>): Promise<number> {
    const before = (await this.roots()).size
    const source = {
      read: async (name: string) => chain.get(Number(/^(\d+)\.root\.json$/.exec(name)?.[1])) ?? null
    }
    const { now, fleetId } = this.#parts
    try {
      await refreshTrust({ store: this.#store, source, now: now(), fleetId, keepRoots: true })
    } catch (error) {
      // the rest of the metadata comes from the feed; the roots are verified and kept by then
      if (!(error instanceof ChasquiError && error.code === 'TUF_MISSING')) throw error
    } finally {
      // those before a false one are kept as well
      await this.#noteRoot()
    }
    return (await this.roots()).size - before
  }

  /**
   * Takes what a version of the feed says, as far as it can be trusted. Throws TUF_*, FLEET_MISMATCH, TARGET_MISMATCH,
   * CHANNELS_INVALID; what was believed before stays then.
   */
  refresh(snapshot: FeedSnapshot): Promise<FleetView> {
    return this.#turns.take(() => this.#refresh(snapshot))
  }

  async #refresh(snapshot: FeedSnapshot): Promise<FleetView> {
    const { now, fleetId } = this.#parts
    const before = this.#view?.trust.freshness.version ?? null
    const source = feedMetadataSource(snapshot)
    const trust = await refreshTrust({ store: this.#store, source, now: now(), fleetId, keepRoots: true })
    const channels = await this.#readChannels(trust, snapshot)
    const revoked = await this.#readRevoked(trust, snapshot)
    await this.#remember(channels.yanked, revoked, onlineKeys(trust))
    await this.#noteSealing(trust.fleet.sealing)
    this.#fleet = trust.fleet
    this.#rootVersion = trust.rootVersion
    if (trust.freshness.version !== before) await this.#noteNews(trust.freshness.version)
    this.#view = { trust, snapshot, channels, yanks: this.#yanks }
    return this.#view
  }

  async #readChannels(trust: Trust, snapshot: FeedSnapshot): Promise<Channels> {
    const bytes = await readTarget(trust, snapshot, CHANNELS_PATH, CHANNELS_LIMIT)
    return bytes === null ? emptyChannels() : parseChannels(bytes)
  }

  async #readRevoked(trust: Trust, snapshot: FeedSnapshot): Promise<RevokedFile> {
    const bytes = await readTarget(trust, snapshot, REVOKED_PATH, REVOKED_LIMIT)
    return bytes === null ? nobodyRevoked() : parseRevoked(bytes)
  }

  /**
   * Yanks and revocations only grow, under one online key. When root has taken that key out it may have been a thief who
   * spoke with it: what the new key signs is then the whole of it (decision 0210).
   */
  async #remember(yanked: Yanks, out: RevokedFile, online: string[]): Promise<void> {
    const isVoid = this.#online.some((key) => !online.includes(key))
    const yanks = mergeYanks(isVoid ? {} : this.#yanks, yanked)
    const revoked = mergeRevoked(isVoid ? nobodyRevoked() : this.#revoked, out)
    const isSame =
      JSON.stringify([yanks, revoked, online]) === JSON.stringify([this.#yanks, this.#revoked, this.#online])
    if (!isSame) {
      await this.#parts.state.put({ 'fleet/yanks': yanks, 'fleet/revoked': revoked, 'fleet/online': online })
    }
    this.#yanks = yanks
    this.#revoked = revoked
    this.#online = online
  }

  /** Roots that were kept are verified. A disk that spoiled the newest one is found out at the next refresh. */
  async #noteRoot(): Promise<void> {
    const roots = await this.roots()
    const newest = [...roots.values()].at(-1)
    this.#rootVersion = Math.max(0, ...roots.keys())
    try {
      this.#fleet = newest === undefined ? this.#fleet : fleetOfRoot(newest)
    } catch {
      this.#fleet = null
    }
  }

  async #noteSealing(sealing: string): Promise<void> {
    if (sealing !== this.#sealing) await this.#parts.state.put({ 'fleet/sealing': sealing })
    this.#sealing = sealing
  }

  /** A newer timestamp than the one that this state last saw is news. */
  async #noteNews(version: number): Promise<void> {
    const { state, now } = this.#parts
    if ((await state.get('fleet/heard-version')) === version) return
    this.#heardAt = now()
    await state.put({ 'fleet/heard': this.#heardAt, 'fleet/heard-version': version })
  }
}

/** The keys that root names for the online roles. */
function onlineKeys(trust: Trust): string[] {
  const { roles } = trust.set.root.signed
  return [...new Set(['timestamp', 'snapshot'].flatMap((role) => roles[role]?.keyIDs ?? []))].sort()
}
