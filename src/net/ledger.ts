// Where the bytes of each release came from: by peer and class of link, or by stick. Counted on the node, reported,
// joined into the route of a release by the publisher.
import type { LinkClass } from './peer.ts'

export interface Source {
  /** node key in hex, or the id of a stick */
  peer: string
  link: LinkClass | 'stick'
  bytes: number
}

export class Ledger {
  #items = new Map<string, Map<string, Source>>()

  /** @param saved by item */
  constructor(saved: Record<string, Source[]> = {}) {
    for (const [item, sources] of Object.entries(saved)) {
      for (const source of sources) this.add(item, source.peer, source.link, source.bytes)
    }
  }

  /** @param item what the bytes belong to, for example the path of a pack */
  add(item: string, peer: string, link: Source['link'], bytes: number): void {
    const sources = this.#items.get(item) ?? new Map<string, Source>()
    const source = sources.get(`${link} ${peer}`) ?? { peer, link, bytes: 0 }
    source.bytes += bytes
    sources.set(`${link} ${peer}`, source)
    this.#items.set(item, sources)
  }

  /** Most bytes first. */
  of(item: string): Source[] {
    const sources = [...(this.#items.get(item)?.values() ?? [])]
    return sources.map((source) => ({ ...source })).sort((a, b) => b.bytes - a.bytes)
  }

  forget(item: string): void {
    this.#items.delete(item)
  }

  get items(): string[] {
    return [...this.#items.keys()]
  }
}
