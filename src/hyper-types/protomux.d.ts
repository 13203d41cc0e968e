declare module 'protomux' {
  import type { Duplex } from 'node:stream'
  import type { State } from 'compact-encoding'

  namespace Protomux {
    interface Encoding<T> {
      preencode(state: State, value: T): void
      encode(state: State, value: T): void
      decode(state: State): T
    }
    interface Message<T> {
      send(value: T): boolean
    }
    interface Channel {
      readonly opened: boolean
      readonly closed: boolean
      readonly drained: boolean
      open(handshake?: unknown): void
      close(): void
      addMessage<T>(options: { encoding: Encoding<T>; onmessage: (value: T) => void }): Message<T>
    }
    interface ChannelOptions {
      protocol: string
      id?: Uint8Array
      unique?: boolean
      onopen?: () => void
      onclose?: (isRemote: boolean) => void
      ondrain?: () => void
    }
  }

  class Protomux {
    static from(stream: Duplex): Protomux
    readonly stream: Duplex
    createChannel(options: Protomux.ChannelOptions): Protomux.Channel | null
    pair(options: { protocol: string; id?: Uint8Array }, notify: () => void): void
    unpair(options: { protocol: string; id?: Uint8Array }): void
    cork(): void
    uncork(): void
    destroy(error?: Error): void
  }
  export default Protomux
}
