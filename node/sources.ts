// Where the bytes of each release came from: counted by block while packs come in, kept in the state, shown in status and
// reported, so that the fleet can see the route of a release.
import type { FeedSnapshot } from '../src/feed/types.ts'
import type { BlockOrigin } from '../src/member/fleet-links.ts'
import { Ledger, type Source } from '../src/net/ledger.ts'
import type { StateStore } from '../src/system/state.ts'

const KEY = 'sources'

interface Watched {
  pack: string
  offset: number
  length: number
}

export class Sources {
  readonly #state: StateStore
  #ledger = new Ledger()
  #watched: Watched[] = []

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

  /** Ends watching and keeps what was counted. */
  async settle(paths: readonly string[]): Promise<void> {
    this.#watched = this.#watched.filter(({ pack }) => !paths.includes(pack))
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
