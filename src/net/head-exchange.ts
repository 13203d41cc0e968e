// Whenever two members meet, and after every change, each shows the other the signed heads of its feed: a history that was
// rewritten is found at the first meeting, also when both are equally long. FORMAT 9.7.
import c from 'compact-encoding'
import type Protomux from 'protomux'
import type { SignedHead } from '../feed/heads.ts'
import type { Feed } from '../feed/types.ts'
import { addMessage } from './channel.ts'

const PROTOCOL = 'chasqui/heads/1'
const CORES = ['db', 'blobs'] as const
const LIMITS = { heads: 2, signature: 512 } // heads in a message, bytes

export const headsCodec: Protomux.Encoding<SignedHead[]> = {
  preencode(state, heads) {
    c.uint.preencode(state, heads.length)
    for (const head of heads) {
      c.uint.preencode(state, CORES.indexOf(head.core))
      c.uint.preencode(state, head.length)
      c.uint.preencode(state, head.fork)
      c.fixed32.preencode(state, head.treeHash)
      c.buffer.preencode(state, head.signature)
    }
  },
  encode(state, heads) {
    c.uint.encode(state, heads.length)
    for (const head of heads) {
      c.uint.encode(state, CORES.indexOf(head.core))
      c.uint.encode(state, head.length)
      c.uint.encode(state, head.fork)
      c.fixed32.encode(state, head.treeHash)
      c.buffer.encode(state, head.signature)
    }
  },
  decode(state) {
    const count = c.uint.decode(state)
    if (count > LIMITS.heads) throw new RangeError('too many heads')
    return Array.from({ length: count }, () => {
      const core = CORES[c.uint.decode(state)]
      const [length, fork] = [c.uint.decode(state), c.uint.decode(state)]
      const treeHash = c.fixed32.decode(state)
      const signature = c.buffer.decode(state) ?? new Uint8Array(0)
      if (core === undefined || signature.length > LIMITS.signature) throw new RangeError('not a head')
      return { core, length, fork, treeHash, signature }
    })
  }
}

/** Opens the channel on an admitted connection; it lives until the connection ends. */
export function exchangeHeads(mux: Protomux, feed: Feed): void {
  const show = () => {
    feed.heads().then(
      (heads) => {
        if (!channel?.closed) message.send(heads)
      },
      () => undefined // the feed is closing
    )
  }
  let stopWatching = () => {}
  const channel = mux.createChannel({
    protocol: PROTOCOL,
    onopen: () => {
      stopWatching = feed.onUpdate(show)
      show()
    },
    onclose: () => stopWatching()
  })
  if (channel === null) return
  const message = addMessage<SignedHead[]>(channel, headsCodec, (heads) => {
    for (const head of heads) feed.compareHead(head).catch(() => undefined)
  })
  channel.open()
}
