// Where the bytes of each release came from: counted by block while packs come in, kept in the state, shown in status and
// reported, so that the fleet can see the route of a release.
import type { FeedSnapshot } from '../src/feed/types.ts'
import type { BlockOrigin } from '../src/member/fleet-links.ts'
import { Ledger, type Source } from '../src/net/ledger.ts'
import type { StateStore } from '../src/system/state.ts'

const KEY = 'sources'
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
  /** blocks of a stick, until it is known which packs they are of */
  #held = new Map<number, StickOrigin>()

  constructor(state: StateStore) {
    this.#state = state
  }

  async open(): Promise<void> {
    this.#ledger = new Ledger(((await this.#state.get(KEY)) as Record<string, Source[]> | undefined) ?? {})
  }

  /** From now on, blocks of these files are counted for them. */
  async watch(snapshot: FeedSnapshot, paths: readonly string[]): Promise<void> {
    for (const pack of paths) {
      const range = await snapshot.blocks(pack)
      if (range !== null) this.#watched.push({ pack, ...range })
    }
  }

  count(index: number, { peer, class: link, bytes }: BlockOrigin): void {
    const found = this.#watched.find(({ offset, length }) => index >= offset && index < offset + length)
    if (found !== undefined) this.#ledger.add(found.pack, peer, link, bytes)
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
        if (from !== undefined) this.#ledger.add(pack, from.stick, 'stick', from.bytes)
      }
    }
    await this.#save()
  }

  /** Ends watching and keeps what was counted. */
  async settle(paths: readonly string[]): Promise<void> {
    this.#watched = this.#watched.filter(({ pack }) => !paths.includes(pack))
    await this.#save()
  }

  async #save(): Promise<void> {
    await this.#state.put({ [KEY]: this.#ledger.toJSON() })
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
