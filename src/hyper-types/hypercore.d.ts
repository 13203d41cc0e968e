declare module 'hypercore' {
  import type { EventEmitter } from 'node:events'
  import type { Duplex } from 'node:stream'

  namespace Hypercore {
    /** What is left out has Hypercore's defaults. */
    interface Manifest {
      version: number
      hash?: 'blake2b'
      allowPatch?: boolean
      quorum?: number
      signers: { signature?: 'ed25519'; namespace?: Buffer; publicKey: Buffer }[]
      prologue?: { hash: Buffer; length: number } | null
    }

    interface GetOptions {
      /** false: never wait for a peer; null is returned for a block that is not here */
      wait?: boolean
      /** the stored bytes, still encrypted */
      raw?: boolean
    }

    interface TreeNode {
      index: number
      size: number
      hash: Buffer
    }

    interface Proof {
      fork: number
      block: { index: number; value: Buffer | null; nodes: TreeNode[] } | null
      hash: { index: number; nodes: TreeNode[] } | null
      seek: { bytes: number; nodes: TreeNode[] } | null
      upgrade: {
        start: number
        length: number
        nodes: TreeNode[]
        additionalNodes: TreeNode[]
        signature: Buffer
      } | null
      manifest: Manifest | null
    }

    interface ProofRequest {
      block?: { index: number; nodes: number } | null
      hash?: { index: number; nodes: number } | null
      upgrade?: { start: number; length: number } | null
    }

    interface Range {
      start?: number
      /** -1: everything, also what comes later */
      end?: number
      blocks?: number[]
      linear?: boolean
    }

    interface Download {
      ready(): Promise<void>
      done(): Promise<unknown>
      destroy(): void
    }

    interface Peer {
      remoteLength: number
      remoteContiguousLength: number
      remoteFork: number
      remotePublicKey: Buffer
      remoteSynced: boolean
      remoteOpened: boolean
      channel: { close(): void }
    }

    interface ReadBatch {
      getTreeNode(index: number): Promise<TreeNode | null>
      getBlock(index: number): Promise<Buffer | null>
      tryFlush(): void
    }

    /** The inner core that all sessions share: the few fields that Chasqui looks at. */
    interface Inner {
      header: {
        tree: { fork: number; length: number; rootHash: Buffer | null; signature: Buffer | null }
      }
      replicator: {
        readonly allowFork: boolean
        attachTo(muxer: unknown): void
        detachFrom(muxer: unknown): void
        attached(muxer: unknown): boolean
      }
      bitfield: { get(index: number): boolean; count(start: number, length: number, value: boolean): number }
      state: unknown
    }
  }

  class Hypercore extends EventEmitter {
    readonly key: Buffer
    readonly discoveryKey: Buffer
    readonly keyPair: { publicKey: Buffer; secretKey: Buffer | null } | null
    readonly manifest: Hypercore.Manifest | null
    readonly length: number
    readonly contiguousLength: number
    readonly byteLength: number
    readonly padding: number
    readonly fork: number
    readonly writable: boolean
    readonly opened: boolean
    readonly closing: Promise<void> | null
    readonly closed: boolean
    readonly peers: Hypercore.Peer[]
    readonly core: Hypercore.Inner
    readonly state: {
      readonly length: number
      readonly fork: number
      readonly signature: Buffer | null
      readonly storage: { read(): Hypercore.ReadBatch }
    }
    getUserData(key: string): Promise<Buffer | null>
    setUserData(key: string, value: Buffer): Promise<void>
    static key(manifest: Hypercore.Manifest): Buffer
    static discoveryKey(key: Uint8Array): Buffer
    static treeHashFromStorage(core: Hypercore, length?: number): Promise<Buffer>
    ready(): Promise<void>
    close(): Promise<void>
    session(options?: { wait?: boolean }): Hypercore
    update(options?: { wait?: boolean; force?: boolean }): Promise<boolean>
    has(start: number, end?: number): Promise<boolean>
    get(index: number, options?: Hypercore.GetOptions): Promise<Buffer | null>
    append(blocks: Uint8Array | Uint8Array[]): Promise<{ length: number; byteLength: number }>
    truncate(length: number): Promise<void>
    clear(start: number, end?: number): Promise<unknown>
    download(range: Hypercore.Range): Hypercore.Download
    missingNodes(index: number): Promise<number>
    proof(request: Hypercore.ProofRequest): Promise<Hypercore.Proof>
    applyProof(proof: unknown): Promise<boolean>
    replicate(stream: Duplex): Duplex
  }

  export = Hypercore
}
