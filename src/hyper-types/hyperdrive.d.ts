declare module 'hyperdrive' {
  import type Corestore from 'corestore'
  import type Hypercore from 'hypercore'

  namespace Hyperdrive {
    interface BlobId {
      blockOffset: number
      blockLength: number
      byteOffset: number
      byteLength: number
    }

    interface EntryValue {
      executable: boolean
      linkname: string | null
      blob: BlobId | null
      metadata: unknown
    }

    interface Entry {
      seq: number
      key: string
      value: EntryValue
    }

    /** The Hyperbee under a drive. */
    interface Bee {
      readonly core: Hypercore
      readonly version: number
      getBySeq(seq: number, options?: { wait?: boolean }): Promise<{ key: Buffer; value: EntryValue | null }>
    }

    /** The bee of `drive.batch()`: collects entries; toBlocks gives the exact blocks that a flush would append. */
    interface BeeBatch extends Bee {
      toBlocks(): Buffer[]
      /** true: appends Hyperbee's header to an empty core */
      getRoot(ensureHeader: boolean): Promise<unknown>
      close(): Promise<void>
    }

    interface ListOptions {
      checkout?: number
      recursive?: boolean
      wait?: boolean
    }
  }

  class Hyperdrive {
    constructor(
      store: Corestore,
      key?: Uint8Array | null,
      options?: { encryptionKey?: Uint8Array; extension?: boolean }
    )
    readonly db: Hyperdrive.Bee
    readonly core: Hypercore
    readonly key: Buffer
    readonly version: number
    readonly blobs: { core: Hypercore; blockSize: number } | null
    static getContentKey(manifest: Hypercore.Manifest, key: Uint8Array): Buffer | null
    static getContentManifest(manifest: Hypercore.Manifest, key: Uint8Array): Hypercore.Manifest | null
    ready(): Promise<void>
    close(): Promise<void>
    getBlobs(): Promise<{ core: Hypercore; blockSize: number }>
    checkout(version: number): Hyperdrive
    batch(): Hyperdrive
    entry(path: string, options?: { wait?: boolean; checkout?: number }): Promise<Hyperdrive.Entry | null>
    putEntry(
      path: string,
      entry: { executable?: boolean; blob?: Hyperdrive.BlobId | null; metadata?: unknown }
    ): Promise<void>
    put(path: string, bytes: Uint8Array): Promise<void>
    get(path: string, options?: { wait?: boolean }): Promise<Buffer | null>
    del(path: string): Promise<void>
    list(folder: string, options?: Hyperdrive.ListOptions): AsyncIterable<Hyperdrive.Entry>
    diff(
      version: number,
      folder: string,
      options?: { wait?: boolean }
    ): AsyncIterable<{ left: Hyperdrive.Entry | null; right: Hyperdrive.Entry | null }>
  }

  export = Hyperdrive
}
