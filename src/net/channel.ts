// Messages of a multiplexed channel, made safe against whoever sends them: an error that reading or handling a message throws
// ends the connection with that peer. Protomux alone would take a RangeError or TypeError for a bug and end the program.
import type Protomux from 'protomux'
import type { Codec } from './codec.ts'

/** Adds a message to a channel; the order of the calls is the number of the message on the wire. */
export function addMessage<T>(
  channel: Protomux.Channel,
  encoding: Codec<T>,
  onMessage: (value: T) => void
): Protomux.Message<T> {
  return channel.addMessage<T>({
    encoding: { ...encoding, decode: (state) => guarded(() => encoding.decode(state)) },
    onmessage: (value) => guarded(() => onMessage(value))
  })
}

function guarded<R>(act: () => R): R {
  try {
    return act()
  } catch (cause) {
    throw new Error('a peer sent a message that breaks the protocol', { cause })
  }
}
