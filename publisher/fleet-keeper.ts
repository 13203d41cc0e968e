// What the publisher's own feed says about the fleet: verified trust metadata, channels, revocations. The newest version
// of the feed is the only source, so that nothing in the home can contradict what branches see.
import { ChasquiError } from '../src/errors.ts'
import { readTarget } from '../src/feed/signed-files.ts'
import { feedMetadataSource } from '../src/feed/tuf-files.ts'
import type { Feed, FeedSnapshot } from '../src/feed/types.ts'
import {
  CHANNELS_LIMIT,
  CHANNELS_PATH,
  type Channels,
  emptyChannels,
  parseChannels
} from '../src/fleet/channels.ts'
import {
  nobodyRevoked,
  parseRevoked,
  REVOKED_LIMIT,
  REVOKED_PATH,
  type RevokedFile,
  revokedSets
} from '../src/fleet/revoked.ts'
import type { HomePaths } from '../src/system/home.ts'
import { openTrustStore } from '../src/system/trust-store.ts'
import { fromHex, toHex } from '../src/trust/bytes.ts'
import { enrolmentKeysOf } from '../src/trust/ceremony.ts'
import { NOBODY_REVOKED, type VerifiedMember, verifyMembership } from '../src/trust/membership.ts'
import { refreshTrust } from '../src/trust/refresh.ts'
import type { Trust } from '../src/trust/trust.ts'

/** One consistent view of the newest version of the feed. */
export interface FleetView {
  snapshot: FeedSnapshot
  trust: Trust
  channels: Channels
  revoked: RevokedFile
}

export interface FleetKeeperParts {
  paths: HomePaths
  /** the feed of now: it may become another one */
  feed(): Feed
  /** hex */
  fleetId: string
  now(): number
  /** the version of this feed (key in hex) that this home has published last, or null */
  published(feed: string): Promise<number | null>
}

export class FleetKeeper {
  readonly #parts: FleetKeeperParts
  #view: FleetView | null = null
  /** what the view was read from */
  #viewed: Feed | null = null
  /** what this home accepted before, as long as the feed has nothing to add */
  #remembered: Trust | null = null

  constructor(parts: FleetKeeperParts) {
    this.#parts = parts
  }

  /** fleet id, hex */
  get id(): string {
    return this.#parts.fleetId
  }

  /** Which feed of the fleet this is, as far as it was read. */
  get generation(): number | null {
    return this.#view?.trust.fleet.feed.generation ?? null
  }

  /** The view of the newest version. Throws FEED_EMPTY, FEED_BEHIND, TUF_*, TARGET_MISMATCH. */
  async view(): Promise<FleetView> {
    const feed = this.#parts.feed()
    const snapshot = await feed.snapshot()
    if (snapshot === null) {
      throw new ChasquiError('FEED_EMPTY', 'the feed is not on this machine', {
        hint: 'bring it back with "publisher run" and a branch online, or import a stick'
      })
    }
    if (this.#view !== null && this.#viewed === feed && this.#view.snapshot.version === snapshot.version) {
      return this.#view
    }
    const view = await this.#read(snapshot)
    this.#view = view
    this.#viewed = feed
    return view
  }

  /**
   * Gets ready to judge memberships, also while the feed is away or behind: a publisher that has to catch up must be able
   * to meet its branches. Throws TUF_MISSING when this home never knew the fleet.
   */
  async prepare(): Promise<void> {
    try {
      await this.view()
    } catch (error) {
      if (!(error instanceof ChasquiError && ['FEED_EMPTY', 'FEED_BEHIND'].includes(error.code))) throw error
      const { paths, fleetId, now } = this.#parts
      this.#remembered = await refreshTrust({
        store: openTrustStore(paths.trust),
        source: null,
        now: now(),
        fleetId
      })
    }
  }

  async #read(snapshot: FeedSnapshot): Promise<FleetView> {
    const { paths, fleetId, now } = this.#parts
    const store = openTrustStore(paths.trust)
    const source = feedMetadataSource(snapshot)
    const trust = await refreshTrust({ store, source, now: now(), fleetId, keepRoots: true }).catch(
      async (error: unknown) => {
        throw (await this.#isWhole(snapshot)) ? robbed(error) : behind(error)
      }
    )
    const channels = await readTarget(trust, snapshot, CHANNELS_PATH, CHANNELS_LIMIT)
    const revoked = await readTarget(trust, snapshot, REVOKED_PATH, REVOKED_LIMIT)
    return {
      snapshot,
      trust,
      channels: channels === null ? emptyChannels() : parseChannels(channels),
      revoked: revoked === null ? nobodyRevoked() : parseRevoked(revoked)
    }
  }

  /** Everything that this home has published is there: what is wrong with it is somebody else's work. */
  async #isWhole({ version }: FeedSnapshot): Promise<boolean> {
    const { feed, published } = this.#parts
    const last = await published(toHex(feed().key))
    return last !== null && version >= last
  }

  /** Checks a membership against what is known of the fleet; `prepare` comes first. Throws MEMBERSHIP_INVALID, MEMBER_REVOKED… */
  verifyMembership(membership: Uint8Array, now: number | null): VerifiedMember {
    const trust = this.#view?.trust ?? this.#remembered
    if (trust === null) throw new TypeError('nothing of the fleet was read yet')
    return verifyMembership(membership, {
      fleetId: hex32(this.#parts.fleetId),
      enrolmentKeys: enrolmentKeysOf(trust.fleet),
      revoked: this.#view === null ? NOBODY_REVOKED : revokedSets(this.#view.revoked),
      now
    })
  }
}

/** The home has accepted newer metadata than its feed holds: the store was put back to an older state. */
function behind(error: unknown): unknown {
  if (error instanceof ChasquiError && error.code === 'TUF_ROLLBACK') {
    return new ChasquiError('FEED_BEHIND', 'the feed here is older than what this publisher has signed', {
      cause: error,
      hint: 'run "publisher run" with a branch online, or import a stick; when nobody has anything newer: "publisher recover --forget-newer"'
    })
  }
  return error
}

/** Only the online key can list what is not there, or go back. */
function robbed(error: unknown): unknown {
  if (!(error instanceof ChasquiError && error.code.startsWith('TUF_'))) return error
  return new ChasquiError(
    error.code,
    `the newest metadata of the feed is not what this home has signed: ${error.message}`,
    {
      cause: error,
      hint: 'somebody else has the online key: replace it with "publisher keys rotate online"'
    }
  )
}

function hex32(text: string): Uint8Array {
  const bytes = fromHex(text, 32)
  if (bytes === null) throw new TypeError('not 32 bytes of hex')
  return bytes
}
