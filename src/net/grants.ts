// The channel `chasqui/grants/1` (FORMAT 9.8): whoever has the key of a newer feed gives the member at the other end its own
// sealed copy. The old feed may be lost or frozen by then, so that this does not touch it.
import c from 'compact-encoding'
import type { Log } from '../system/log.ts'
import { addMessage } from './channel.ts'
import { codec } from './codec.ts'
import type { Peer } from './peer.ts'

const PROTOCOL = 'chasqui/grants/1'
const GRANT_LIMIT = 8192 // bytes

/** The sealed feed keys of this home. */
export interface GrantBox {
  /** of the feed that this home has the key of */
  generation(): Promise<number>
  /** The grant of an invite (hex) for that feed; null when there is none. */
  find(invite: string): Promise<Uint8Array | null>
  /** A peer brought a grant for this home. Throws for a bad one. */
  take(grant: Uint8Array): Promise<void>
}

export const grantCodec = codec<Uint8Array>(
  (state, step, bytes) => c.buffer[step](state, bytes),
  (state) => {
    const bytes = c.buffer.decode(state) ?? new Uint8Array(0)
    if (bytes.byteLength > GRANT_LIMIT) throw new RangeError('a grant is too large')
    return bytes.slice()
  }
)

/** One per home; every admitted peer is handed to `open`. */
export class GrantExchange {
  readonly #box: GrantBox
  readonly #log: Log
  /** peers whose feed is older than ours may be, by what answers them */
  readonly #waiting = new Set<() => Promise<void>>()

  constructor(box: GrantBox, log: Log) {
    this.#box = box
    this.#log = log
  }

  open(peer: Peer): void {
    let asked: number | null = null
    const reply = async () => {
      if (asked === null || asked >= (await this.#box.generation())) return
      const found = await this.#box.find(peer.member.invite)
      if (found !== null && !channel?.closed) grant.send(found)
    }
    const answer = () => reply().catch((error: unknown) => this.#log.debug({ err: error }, 'no grant given'))
    const channel = peer.mux.createChannel({
      protocol: PROTOCOL,
      onopen: () => {
        this.#waiting.add(answer)
        this.#box.generation().then(
          (generation) => ask.send(generation),
          (error) => this.#log.debug({ err: error }, 'no grant asked for')
        )
      },
      onclose: () => this.#waiting.delete(answer)
    })
    if (channel === null) return
    const ask = addMessage<number>(channel, c.uint, (generation) => {
      asked = generation
      void answer()
    })
    const grant = addMessage<Uint8Array>(channel, grantCodec, (bytes) => void this.#take(bytes, peer))
    channel.open()
  }

  /** This home may have grants now that it did not have before. */
  news(): void {
    for (const answer of this.#waiting) void answer()
  }

  async #take(bytes: Uint8Array, peer: Peer): Promise<void> {
    try {
      await this.#box.take(bytes)
    } catch (error) {
      this.#log.warn({ err: error, peer: peer.member.name }, 'a grant that a peer brought is not good')
    }
  }
}
