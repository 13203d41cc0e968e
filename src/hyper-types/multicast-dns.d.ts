declare module 'multicast-dns' {
  import type { RemoteInfo } from 'node:dgram'
  import type { EventEmitter } from 'node:events'

  namespace multicastDns {
    interface Question {
      name: string
      type: string
    }
    interface Answer {
      name: string
      type: string
      ttl?: number
      flush?: boolean
      data?: unknown
    }
    interface Packet {
      type?: 'query' | 'response'
      questions?: Question[]
      answers?: Answer[]
      additionals?: Answer[]
    }
    interface Options {
      type?: 'udp4' | 'udp6'
      ip?: string
      interface?: string
      bind?: string
      port?: number
      loopback?: boolean
    }
    interface MulticastDns extends EventEmitter {
      on(event: 'query' | 'response', listener: (packet: Packet, from: RemoteInfo) => void): this
      on(event: 'ready', listener: () => void): this
      on(event: 'warning' | 'error', listener: (error: Error) => void): this
      query(packet: Packet): void
      respond(packet: Packet): void
      destroy(done?: () => void): void
    }
  }
  function multicastDns(options?: multicastDns.Options): multicastDns.MulticastDns
  export default multicastDns
}
