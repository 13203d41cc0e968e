declare module 'hyperswarm' {
  import type { EventEmitter } from 'node:events'
  import type NoiseSecretStream from '@hyperswarm/secret-stream'
  import type { KeyPair } from '@hyperswarm/secret-stream'
  import type DHT from 'hyperdht'

  namespace Hyperswarm {
    interface Discovery {
      flushed(): Promise<unknown>
      refresh(): Promise<void>
      destroy(): Promise<void>
    }
    interface Options {
      keyPair?: KeyPair
      dht?: DHT
      bootstrap?: string[]
      maxPeers?: number
      /** ms: four times to wait before a peer is dialled again, the last one for explicit peers without end */
      backoffs?: [number, number, number, number]
      firewall?: (remotePublicKey: Uint8Array) => boolean
    }
    interface PeerInfo {
      publicKey: Uint8Array
      ban(banned: boolean): void
    }
  }

  class Hyperswarm extends EventEmitter {
    constructor(options?: Hyperswarm.Options)
    readonly connections: Set<NoiseSecretStream>
    readonly dht: EventEmitter & { online: boolean; host: string | null; port: number }
    join(topic: Uint8Array, options?: { server?: boolean; client?: boolean }): Hyperswarm.Discovery
    joinPeer(publicKey: Uint8Array): void
    leavePeer(publicKey: Uint8Array): void
    flush(): Promise<unknown>
    destroy(options?: { force?: boolean }): Promise<void>
  }
  export default Hyperswarm
}
