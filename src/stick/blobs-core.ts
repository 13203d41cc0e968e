// Which blobs core belongs to a feed: the one that Hyperdrive derives from the db core, signed by the same key. So a segment
// says by itself whether its blobs are the feed's, without the db core at hand. Bytes only, no I/O.
import { DEFAULT_NAMESPACE } from 'hypercore/lib/caps.js'
import Verifier from 'hypercore/lib/verifier.js'
import { blake2b } from './tree.ts'

/** Hyperdrive's name for the core of the bytes */
const BLOBS = blake2b([blake2b([Buffer.from('hyperdrive')]), Uint8Array.of(0)])

/** Does the core with this manifest hold the bytes of the feed whose db core has the key `feed`? */
export function isBlobsOf(feed: Uint8Array, encoded: Uint8Array): boolean {
  const [signer, ...others] = Verifier.decodeManifest(encoded).signers
  if (signer === undefined || others.length > 0) return false
  const db = Verifier.defaultSignerManifest(signer.publicKey)
  if (!Verifier.isValidManifest(feed, db)) return false
  const namespace = blake2b([BLOBS, feed, DEFAULT_NAMESPACE])
  const blobs = { ...db, signers: [{ ...signer, namespace }] }
  return Buffer.from(Verifier.encodeManifest(blobs)).equals(encoded)
}
