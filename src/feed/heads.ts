// Signed heads: what the feed's key signed about a core's history. Two heads of one length with different trees, or one of
// another fork, prove that history was rewritten; replication alone does not notice histories of equal length (measured).
import Hypercore from 'hypercore'
import { treeSignable } from 'hypercore/lib/caps.js'
import Verifier from 'hypercore/lib/verifier.js'

export interface SignedHead {
  core: 'db' | 'blobs'
  /** blocks */
  length: number
  fork: number
  /** BLAKE2b-256 root hash of the Merkle tree at `length` */
  treeHash: Uint8Array
  signature: Uint8Array
}

/**
 * same: one history. behind: theirs is longer, and signed. unknown: nothing can be said (yet). forked: proof of a second
 * history. invalid: the signature is not the feed's.
 */
export type HeadComparison = 'same' | 'behind' | 'unknown' | 'forked' | 'invalid'

/** The head of an opened core; null while it is empty. */
export async function headOf(name: SignedHead['core'], core: Hypercore): Promise<SignedHead | null> {
  const { length, fork, signature } = core.state
  if (length === 0 || signature === null) return null
  const treeHash = await treeHashAt(core, length)
  return treeHash === null ? null : { core: name, length, fork, treeHash, signature }
}

/** Holds somebody's head against this core. */
export async function compareHead(core: Hypercore, head: SignedHead): Promise<HeadComparison> {
  if (core.manifest === null) return 'unknown'
  if (!isSigned(core, core.manifest, head)) return 'invalid'
  if (head.fork !== core.fork) return 'forked'
  if (head.length > core.length) return 'behind'
  const ours = await treeHashAt(core, head.length)
  if (ours === null) return 'unknown'
  return Buffer.compare(ours, head.treeHash) === 0 ? 'same' : 'forked'
}

/** Null when nodes of the tree at that length are not here (a sparse core knows its own head only). */
async function treeHashAt(core: Hypercore, length: number): Promise<Uint8Array | null> {
  return Hypercore.treeHashFromStorage(core, length).catch(() => null)
}

function isSigned(core: Hypercore, manifest: Hypercore.Manifest, head: SignedHead): boolean {
  const { length, fork, treeHash, signature } = head
  const signable = (namespace: Uint8Array) => treeSignable(namespace, treeHash, length, fork)
  try {
    return new Verifier(core.key, manifest).verify(
      { signable, hash: () => treeHash, length, fork },
      signature
    )
  } catch {
    return false // a signature that cannot even be parsed
  }
}
