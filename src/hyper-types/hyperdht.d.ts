declare module 'hyperdht' {
  import type { EventEmitter } from 'node:events'

  interface Options {
    /** host:port; absent: the public ones */
    bootstrap?: string[]
    /** address to bind to */
    host?: string
    port?: number
    ephemeral?: boolean
    firewalled?: boolean
  }

  export default class DHT extends EventEmitter {
    constructor(options?: Options)
    readonly online: boolean
    address(): { host: string; port: number }
    fullyBootstrapped(): Promise<void>
    destroy(options?: { force?: boolean }): Promise<void>
  }
}

declare module 'hyperdht/testnet.js' {
  interface Testnet {
    bootstrap: { host: string; port: number }[]
    destroy(): Promise<void>
  }
  export default function createTestnet(
    size?: number,
    options?: { host?: string; port?: number }
  ): Promise<Testnet>
}
