// What a stick that stays in was given, and whether its home has more to say by now. What the night brought (an update, a
// failure, a neighbour's report) shall be on it in the morning, and a home to which nothing happens shall leave it alone.
import { toHex } from '../trust/bytes.ts'
import type { StickHome } from './home.ts'

/** How long after a round the next one may begin for such news; the feed's own are given at once. */
const PAUSE = { own: 60_000, others: 600_000 } // milliseconds
type Kind = keyof typeof PAUSE

/** null: cannot be told now, which is no news */
const SAY: Readonly<Record<Kind, (home: StickHome) => Promise<string | null | undefined>>> = {
  own: async (home) => home.news?.().catch(() => null),
  others: async (home) => home.records.said?.().catch(() => null)
}

export class News {
  readonly #home: StickHome
  #given: Record<Kind | 'feed', string | null> = { feed: null, own: null, others: null }
  /** when to look again (ms) */
  readonly #next: Record<Kind, number> = { own: 0, others: 0 }

  constructor(home: StickHome) {
    this.#home = home
  }

  /** What is here goes on the stick now; what comes later is news. */
  async take(now: number): Promise<void> {
    const feed = await feedOf(this.#home)
    this.#given = { feed, own: await this.#say('own'), others: await this.#say('others') }
    for (const kind of ['own', 'others'] as const) this.#next[kind] = now + PAUSE[kind]
  }

  /** Can more of the feed be read than was given, or is it another? */
  async hasFeed(): Promise<boolean> {
    return this.#given.feed !== (await feedOf(this.#home))
  }

  async isThere(now: number): Promise<boolean> {
    return (await this.hasFeed()) || (await this.#hasMore('own', now)) || (await this.#hasMore('others', now))
  }

  async #hasMore(kind: Kind, now: number): Promise<boolean> {
    if (now < this.#next[kind]) return false
    this.#next[kind] = now + PAUSE[kind]
    const said = await this.#say(kind)
    return said !== null && said !== this.#given[kind]
  }

  async #say(kind: Kind): Promise<string | null> {
    return (await SAY[kind](this.#home)) ?? null
  }
}

async function feedOf({ feed }: StickHome): Promise<string> {
  const readable = (await feed.snapshot().catch(() => null))?.version ?? 0
  return `${toHex(feed.db.key)} ${readable}`
}
