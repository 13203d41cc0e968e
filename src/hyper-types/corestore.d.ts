declare module 'corestore' {
  import type Hypercore from 'hypercore'

  namespace Corestore {
    interface CoreOptions {
      key?: Uint8Array
      name?: string
      manifest?: Hypercore.Manifest
      keyPair?: { publicKey: Uint8Array; secretKey: Uint8Array | null } | null
      encryptionKey?: Uint8Array | null
      allowFork?: boolean
      exclusive?: boolean
      active?: boolean
    }
  }

  class Corestore {
    constructor(storage: unknown)
    readonly storage: {
      db: { flush(): Promise<void> }
      /** of the whole store; the numbers are those of rocksdb-native's `constants` */
      compact(options: {
        blobGarbageCollectionPolicy: number
        blobGarbageCollectionAgeCutoff: number
        bottommostLevelCompaction: number
      }): Promise<void>
    }
    ready(): Promise<void>
    close(): Promise<void>
    get(options: Corestore.CoreOptions): Hypercore
    namespace(name: string): Corestore
    session(): Corestore
    /** Attaches every open core to a noise stream. */
    replicate(stream: unknown): unknown
  }

  export = Corestore
}
