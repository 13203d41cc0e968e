// The channel `chasqui/roots/1` (FORMAT 9.6): members bring each other to the newest root of the fleet. The chain proves itself,
// so it needs no author and no record; it must get through even when the feed cannot follow a root any more.
import c from 'compact-encoding'
import { ChasquiError, EXIT } from '../errors.ts'
import type { Log } from '../system/log.ts'
import { addMessage } from './channel.ts'
import { codec, list } from './codec.ts'
import type { Peer } from './peer.ts'

const PROTOCOL = 'chasqui/roots/1'

const RETRY = 1000 // ms

const LIMITS = {
  /** roots in one message; the rest follows when the other side says what it has then */
  roots: 16,
  /** bytes of one root */
  root: 512_000
}

interface Root {
  version: number
  bytes: Uint8Array
}

/** The root chain of this home. */
export interface RootChain {
  list(): Promise<ReadonlyMap<number, Uint8Array>>
  /** Verifies each root by the one before and keeps it; returns how many were new. Throws for a false one. */
  offer(roots: ReadonlyMap<number, Uint8Array>): Promise<number>
}

export const rootsCodec = list(
  codec<Root>(
    (state, step, root) => {
      c.uint[step](state, root.version)
      c.buffer[step](state, root.bytes)
    },
    (state) => {
      const version = c.uint.decode(state)
      const bytes = c.buffer.decode(state)
      if (bytes.byteLength > LIMITS.root) throw new RangeError('a root is too large')
      return { version, bytes: bytes.slice() }
    }
  ),
  LIMITS.roots
)

type Session = (version: number) => void

/** One per home; every admitted peer is handed to `open`. */
export class RootExchange {
  #chain: RootChain
  #log: Log
  #sessions = new Set<Session>()

  constructor(chain: RootChain, log: Log) {
    this.#chain = chain
    this.#log = log
  }

  open(peer: Peer): void {
    const channel = peer.mux.createChannel({
      protocol: PROTOCOL,
      onopen: () => {
        this.#sessions.add(say)
        this.#newest().then(say, (error) => this.#complain(error, peer))
      },
      onclose: () => this.#sessions.delete(say)
    })
    if (channel === null) return
    const newest = addMessage<number>(
      channel,
      c.uint,
      (version) =>
        void this.#answer(version, say, (roots) => chain.send(roots)).catch((error) =>
          this.#complain(error, peer)
        )
    )
    const chain = addMessage<Root[]>(channel, rootsCodec, (roots) => void this.#take(roots, peer, say))
    const say: Session = (version) => newest.send(version)
    channel.open()
  }

  #complain(error: unknown, peer: Peer): void {
    this.#log.warn({ err: error, peer: peer.member.name }, 'the roots of this home cannot be read or kept')
  }

  async #newest(): Promise<number> {
    return Math.max(0, ...(await this.#chain.list()).keys())
  }

  /** Who is behind gets what follows; who is ahead is told how far we are. */
  async #answer(version: number, say: Session, send: (roots: Root[]) => void): Promise<void> {
    const roots = await this.#chain.list()
    const own = Math.max(0, ...roots.keys())
    if (version > own) say(own)
    const following = [...roots].filter(([number]) => number > version).sort(([a], [b]) => a - b)
    if (following.length > 0)
      send(following.slice(0, LIMITS.roots).map(([number, bytes]) => ({ version: number, bytes })))
  }

  async #take(roots: Root[], peer: Peer, say: Session): Promise<void> {
    try {
      const added = await this.#chain.offer(new Map(roots.map(({ version, bytes }) => [version, bytes])))
      if (added === 0) return
      const own = await this.#newest()
      for (const tell of this.#sessions) tell(own)
    } catch (error) {
      // a disk that fails here is not the peer's fault
      const isRefused = error instanceof ChasquiError && error.exit === EXIT.refused
      const what = isRefused ? 'a peer sent roots that this fleet did not sign' : 'roots could not be kept'
      this.#log.warn({ err: error, peer: peer.member.name }, what)
      if (isRefused) peer.expel()
      else setTimeout(() => void this.#askAgain(say), RETRY).unref()
    }
  }

  async #askAgain(say: Session): Promise<void> {
    if (this.#sessions.has(say)) await this.#newest().then(say, () => undefined)
  }
}
