// One Hypercore as blocks, Merkle nodes and a signed head: the narrow view that carries a core without a peer (stick) or
// compares histories (gossip). Blocks are as stored, encrypted; nothing here waits for the network.
import { MerkleTree } from 'hypercore/lib/merkle-tree.js'
import Verifier, { type RawManifest } from 'hypercore/lib/verifier.js'
import { ChasquiError } from '../errors.ts'

/** A node of a core's Merkle tree: flat-tree index, bytes beneath it, BLAKE2b-256 hash. */
export interface TreeNode {
  index: number
  size: number
  hash: Uint8Array
}

/** What the writer signed: the tree of the first `length` blocks. */
export interface CoreHead {
  length: number
  fork: number
  signature: Uint8Array
}

/** A proof as Hypercore's `applyProof` takes it; `manifest` in its encoded form. */
export interface CoreProof {
  fork: number
  block: { index: number; value: Uint8Array; nodes: TreeNode[] } | null
  hash: { index: number; nodes: TreeNode[] } | null
  upgrade: {
    start: number
    length: number
    nodes: TreeNode[]
    additionalNodes: TreeNode[]
    signature: Uint8Array
  } | null
  manifest: Uint8Array | null
}

export interface BlockCore {
  readonly key: Uint8Array
  readonly length: number
  readonly fork: number
  /** null while the core is empty */
  head(): Promise<CoreHead | null>
  /** Encoded manifest; null while it is not known here. */
  manifest(): Promise<Uint8Array | null>
  has(index: number): Promise<boolean>
  /** The stored bytes of a block, or null when it is not here. */
  block(index: number): Promise<Uint8Array | null>
  /** The same of several blocks in one go. Throws HOME_DAMAGED for one that the disk gives back changed, or not at all. */
  blocks(indexes: readonly number[]): Promise<(Uint8Array | null)[]>
  /** A stored Merkle node, or null when it is not here. */
  node(index: number): Promise<TreeNode | null>
  /** Verifies and stores; false when the proof does not fit this core any more. Throws when it does not verify. */
  applyProof(proof: CoreProof): Promise<boolean>
  /** Returns when everything applied so far survives a power cut. */
  flush(): Promise<void>
}

/** The parts of an opened Hypercore session (11.37) that the view uses. */
export interface RawCore {
  readonly key: Uint8Array
  readonly length: number
  readonly fork: number
  readonly manifest: RawManifest | null
  readonly state: {
    readonly length: number
    readonly fork: number
    readonly signature: Uint8Array | null
    readonly storage: { read(): RawReadBatch }
  }
  has(index: number): Promise<boolean>
  applyProof(proof: unknown): Promise<boolean>
}

interface RawReadBatch {
  getBlock(index: number): Promise<Uint8Array | null>
  getTreeNode(index: number): Promise<TreeNode | null>
  tryFlush(): void
}

/** The view of `core`, an opened Hypercore session; `flush` syncs its store. */
export function blockCore(core: RawCore, flush: () => Promise<void>): BlockCore {
  const read = <T>(get: (batch: RawReadBatch) => Promise<T>) => {
    const batch = core.state.storage.read()
    const found = get(batch)
    batch.tryFlush()
    return found
  }
  return {
    key: core.key,
    get length() {
      return core.length
    },
    get fork() {
      return core.fork
    },
    async head() {
      const { length, fork, signature } = core.state
      return signature === null || length === 0 ? null : { length, fork, signature }
    },
    manifest: async () => (core.manifest === null ? null : Verifier.encodeManifest(core.manifest)),
    has: (index) => core.has(index),
    block: (index) => read((batch) => batch.getBlock(index)),
    async blocks(indexes) {
      const found = await read((batch) => Promise.allSettled(indexes.map((index) => batch.getBlock(index))))
      return found.map((one, at) => {
        if (one.status === 'rejected') throw readError(indexes[at] as number, one.reason)
        return one.value
      })
    },
    node: (index) => read((batch) => batch.getTreeNode(index)),
    applyProof: (proof) =>
      core.applyProof({
        seek: null,
        ...proof,
        manifest: proof.manifest === null ? null : Verifier.decodeManifest(proof.manifest)
      }),
    flush
  }
}

/** RocksDB keeps a checksum of every block, and looks whether what it reads has it. */
function readError(index: number, cause: NodeJS.ErrnoException): Error {
  if (cause.code !== 'EIO') return cause
  return new ChasquiError(
    'HOME_DAMAGED',
    `block ${index} in this home's store is damaged: ${cause.message}`,
    {
      cause,
      hint: 'check the disk, then let the home come back from a peer, a stick or a backup'
    }
  )
}

/** Is `head` signed by the writer of the core `key`, given the tree's full roots at its length? */
export function verifyCoreHead(request: {
  key: Uint8Array
  manifest: Uint8Array
  head: CoreHead
  roots: readonly TreeNode[]
}): boolean {
  const { head, roots } = request
  const key = Buffer.from(request.key)
  let manifest: RawManifest
  try {
    manifest = Verifier.decodeManifest(request.manifest)
    if (!Verifier.isValidManifest(key, manifest)) return false
  } catch {
    return false
  }
  const tree = { roots, length: head.length, fork: head.fork }
  const verifier = new Verifier(key, manifest)
  const signable = (namespace: Uint8Array) => MerkleTree.signable(tree, namespace)
  return verifier.verify({ signable, hash: () => MerkleTree.hash(tree), ...tree }, head.signature)
}
