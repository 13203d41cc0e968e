// What the stick needs of a publisher's or a node's home, and nothing more: the feed's cores as blocks, the root chain,
// the fleet's records, and what to do after news came in. Each program implements it over its own app.
import type { CommandContext } from '../control/commands.ts'
import type { BlockCore } from '../feed/block-core.ts'
import type { BlockRange, FeedSnapshot } from '../feed/types.ts'
import type { Role } from '../system/home.ts'
import type { Installed, WaitingUpdate } from './visits.ts'
import type { Language } from './words.ts'

/** Which releases travel; nothing given means everything that this home has. */
export interface StickFilter {
  /** module name patterns (`pos_*`) */
  modules: readonly string[]
  /** only what this channel points at */
  channel: string | null
  /** only what these branches lack by their last reports; names or node keys */
  branches: readonly string[]
  /** only the newest release of each module and track, and what channels lead to */
  latest: boolean
}

/** One release that a selection takes: its packs' blocks; `bytes` as they travel. */
export interface SelectedRelease {
  module: string
  track: string
  version: string
  bytes: number
  blocks: readonly BlockRange[]
}

export interface StickSelection {
  releases: readonly SelectedRelease[]
  /** packs of the releases: their small files go along by themselves */
  blocks: readonly BlockRange[]
  /** branches that the filter named, as resolved; empty without one */
  branches: readonly { node: string | null; name: string }[]
  /** why nothing goes along for some of them, as `CODE: message`; absent: for none */
  skipped?: readonly string[]
}

export interface SelectOptions {
  /** goes on without branches that are not known here, in place of a failure */
  skipUnknown?: boolean
}

export interface StickFeed {
  readonly db: BlockCore
  /** Opened as soon as the db core's manifest is known; null before. */
  blobs(): Promise<BlockCore | null>
  /** The newest version that can be read here; null when there is none. */
  snapshot(): Promise<Pick<FeedSnapshot, 'version' | 'files'> | null>
}

/** What became of a record that a stick brought. */
export type RecordOutcome = 'new' | 'known' | 'refused'

export interface StickRecords {
  /** All records worth carrying, encoded, with their author's node key (hex). */
  list(): Promise<readonly { author: string; bytes: Uint8Array }[]>
  /** Verifies and keeps one record; durable when it returns. */
  offer(bytes: Uint8Array): Promise<RecordOutcome>
  /** What branches say they run and tried, in short: another text when there is news among the records. */
  said?(): Promise<string>
}

export interface StickRoots {
  /** The root chain that this home trusts: version → bytes of `<version>.root.json`. */
  list(): Promise<ReadonlyMap<number, Uint8Array>>
  /** Verifies the chain from the newest trusted root on and keeps it; returns how many were new. Throws TUF_* codes. */
  offer(roots: ReadonlyMap<number, Uint8Array>): Promise<number>
}

/** The sealed keys of a fleet's newer feed. */
export interface StickKeys {
  /** Every grant that this home knows, encoded; none as long as the fleet has its first feed. */
  list(): Promise<{ generation: number; grants: readonly Uint8Array[] }>
  /** Takes the grant that is for this home; true when it has moved to another feed. Never throws for a bad one. */
  take(grants: readonly Uint8Array[]): Promise<boolean>
}

/** A release that became visible by an import. */
export interface ImportedRelease {
  module: string
  track: string
  version: string
}

/** The stick at hand: what an order or an answer may be bound to. */
export interface StickVisit {
  /** stick id, hex */
  id: string
  sequence: number
}

export type LetterFolder = 'requests' | 'grants'

/** A small signed file between head office and a branch. */
export interface Letter {
  folder: LetterFolder
  /** lower-case letters, digits, `.`, `_`, `-`; at most 120 */
  name: string
  bytes: Uint8Array
}

export interface LetterBox {
  /** What this home has to say by way of this stick. */
  outgoing(visit: StickVisit): Promise<readonly Letter[]>
  /** Reads a letter that the stick brought; true when it was for this home and news. Never throws for a bad letter. */
  take(letter: Letter, visit: StickVisit): Promise<boolean>
  /** Is a letter on the stick over for good, by this home's knowledge? Then it is taken away. */
  isSpent?(letter: Letter): Promise<boolean>
}

/** What head office orders a branch to apply at the next visit of the stick. */
export interface OrderRequest {
  /** name or node key */
  branch: string
  module: string
  version: string
}

export interface StickHome {
  readonly role: Role
  /** fleet id, hex */
  readonly fleet: string
  /** this machine's node key, hex */
  readonly node: string
  /** what people call this machine */
  readonly name: string
  readonly feed: StickFeed
  readonly roots: StickRoots
  /** absent: this home neither gives nor takes any */
  readonly keys?: StickKeys
  readonly records: StickRecords
  /** The releases that `filter` names, all without one. Throws when it names a branch or module that is not there. */
  select(filter: StickFilter | null, options?: SelectOptions): Promise<StickSelection>
  /** A block of the blobs core came in; `stick`: id, hex. */
  onBlock?(index: number, from: { stick: string; bytes: number }): void
  /** Blocks of the blobs core that this home has no use for: an import leaves them on the stick. None without it. */
  declines?(): Promise<readonly BlockRange[]>
  /** Called before anything is taken: remembers which releases are known already. */
  beforeImport?(): Promise<void>
  /** Called after blocks or roots came in: refreshes trust and says which releases are new here. */
  afterImport(): Promise<readonly ImportedRelease[]>
  /** requests and grants; none without it */
  readonly letters?: LetterBox
  /** Signs an order for this stick: head office only. Throws STICK_BRANCH_UNKNOWN, STICK_NOTHING_SELECTED. */
  order?(request: OrderRequest, visit: StickVisit): Promise<Letter>
  /** language of the pages for people; English without it */
  readonly language?: Language
  /** What this home has to say by a stick beside its feed: another text when it is something else, never because it was said. */
  news?(): Promise<string>
  /** What runs here, for the pages; nothing without it. */
  installed?(): Promise<Installed>
  /** What is here and not applied yet, and why, for the pages; nothing without it. */
  waiting?(): Promise<readonly WaitingUpdate[]>
  /**
   * After an import: carries out what the stick at hand orders, and in a round that nobody typed also what policy and
   * windows allow. What went wrong comes back as text for people.
   */
  settle?(visit: StickVisit, scope: SettleScope, context: CommandContext): Promise<readonly string[]>
}

/** `orders`: only what head office ordered by this stick; `all`: updates by policy and window as well. */
export type SettleScope = 'orders' | 'all'
