// Where the bytes of each release came from: counted by block while packs come in, kept in the state, shown in status and
// reported, so that the fleet can see the route of a release.
import { posix } from 'node:path'
import type { FeedSnapshot } from '../src/feed/types.ts'
import type { BlockOrigin } from '../src/net/blocks/jobs.ts'
import { Ledger, type Source } from '../src/net/ledger.ts'
import type { StateStore } from '../src/system/state.ts'

/** one entry for each pack */
const KEY = 'sources/'
const PACKS = '/packs'

interface Watched {
  pack: string
  offset: number
  length: number
}

interface StickOrigin {
  /** id, hex */
  stick: string
  bytes: number
}

export class Sources {
  readonly #state: StateStore
  #ledger = new Ledger()
  #watched: Watched[] = []
  /** packs that were counted for and not saved since */
  #changed = new Set<string>()
  /** blocks of a stick, until it is known which packs they are of */
  #held = new Map<number, StickOrigin>()

  constructor(state: StateStore) {
    this.#state = state
  }

  async open(): Promise<void> {
    const saved = (await this.#state.list(KEY)) as [string, Source[]][]
    const packs = saved.map(([key, sources]) => [`${PACKS}/${key.slice(KEY.length)}`, sources] as const)
    this.#ledger = new Ledger(Object.fromEntries(packs))
  }

  /** From now on, blocks of these files are counted for them. Returns the way to end it, which keeps what was counted. */
  async watch(snapshot: FeedSnapshot, paths: readonly string[]): Promise<() => Promise<void>> {
    const watched: Watched[] = []
    for (const pack of paths) {
      const range = await snapshot.blocks(pack)
      if (range !== null) watched.push({ pack, ...range })
    }
    this.#watched.push(...watched)
    return async () => {
      // another download of the same pack watches on
      this.#watched = this.#watched.filter((one) => !watched.includes(one))
      await this.#save()
    }
  }

  count(index: number, { peer, class: link, bytes }: BlockOrigin): void {
    const found = this.#watched.find(({ offset, length }) => index >= offset && index < offset + length)
    if (found !== undefined) this.#add(found.pack, { peer, link, bytes })
  }

  /** A stick brought this block: what it belongs to is read when the whole stick is. */
  hold(index: number, from: StickOrigin): void {
    this.#held.set(index, from)
  }

  /** Counts what is held for the packs of this version of the feed. */
  async assign(snapshot: FeedSnapshot): Promise<void> {
    const held = this.#held
    if (held.size === 0) return
    this.#held = new Map()
    for (const pack of await snapshot.list(PACKS)) {
      const range = (await snapshot.blocks(pack)) ?? { offset: 0, length: 0 }
      for (let index = range.offset; index < range.offset + range.length; index++) {
        const from = held.get(index)
        if (from !== undefined) this.#add(pack, { peer: from.stick, link: 'stick', bytes: from.bytes })
      }
    }
    await this.#save()
  }

  /** Forgets where packs came from, but of those that are being fetched. */
  async forget(isGone: (pack: string) => boolean): Promise<void> {
    const watched = new Set(this.#watched.map(({ pack }) => pack))
    for (const pack of this.#ledger.items) {
      if (watched.has(pack) || !isGone(pack)) continue
      this.#ledger.forget(pack)
      this.#changed.add(pack)
    }
    await this.#save()
  }

  #add(pack: string, { peer, link, bytes }: Source): void {
    this.#ledger.add(pack, peer, link, bytes)
    this.#changed.add(pack)
  }

  async #save(): Promise<void> {
    const changes: Record<string, Source[] | null> = {}
    for (const pack of this.#changed) {
      const sources = this.#ledger.of(pack)
      changes[`${KEY}${posix.basename(pack)}`] = sources.length === 0 ? null : sources
    }
    this.#changed = new Set()
    if (Object.keys(changes).length > 0) await this.#state.put(changes)
  }

  /** Most bytes first. */
  of(packs: readonly string[]): Source[] {
    const sum = new Ledger()
    for (const pack of packs) {
      for (const { peer, link, bytes } of this.#ledger.of(pack)) sum.add('', peer, link, bytes)
    }
    return sum.of('')
  }
}
