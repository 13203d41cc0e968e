// A second reader of segments, written from docs/FORMAT.md 12.2 alone; signatures and manifests by Hypercore itself, as the
// format says. It shares no code with src.
import { DEFAULT_NAMESPACE, treeSignable } from 'hypercore/lib/caps.js'
import Verifier from 'hypercore/lib/verifier.js'
import sodium from 'sodium-native'
import { demand, refuse } from './refused.ts'
import { Bytes } from './uint.ts'

const DAMAGED = 'STICK_DAMAGED'

interface Node {
  index: number
  size: number
  hash: Buffer
}

export interface SegmentParts {
  header: Buffer
  blocks: Buffer
  table: Buffer
  footer: Buffer
}

function blake2b(...parts: Uint8Array[]): Buffer {
  const hash = Buffer.alloc(32)
  sodium.crypto_generichash(hash, Buffer.concat(parts))
  return hash
}

function uint64(value: number): Buffer {
  const bytes = Buffer.alloc(8)
  bytes.writeBigUInt64LE(BigInt(value))
  return bytes
}

/** Refuses with BLOCK when only the bytes of a block are wrong. */
export function readSegment({ header, blocks, table, footer }: SegmentParts): void {
  const offset = Number(footer.readBigUInt64LE(0))
  const isFooter = footer.length === 56 && footer.toString('latin1', 48) === 'CHQEND\0\x01'
  demand(isFooter && footer.readBigUInt64LE(8) === BigInt(table.length), DAMAGED)
  demand(blake2b(header, table, footer.subarray(0, 16)).equals(footer.subarray(16, 48)), DAMAGED)
  demand(header.length === 80 && header.toString('latin1', 0, 8) === 'CHQSEG\0\x01', DAMAGED)
  const found = new Bytes(table, DAMAGED)
  const names = new Set<number>()
  const listed: Node[] = []
  const cores = found.uint()
  for (let i = 0; i < cores; i++) listed.push(...readCore(found, header.subarray(40, 72), names))
  found.end()
  demand(names.size === cores && cores > 0, DAMAGED)
  demand(offset === 80 + listed.reduce((sum, { size }) => sum + size, 0), DAMAGED)
  checkBlocks(listed, blocks)
}

/** The blocks of a core, after its head is proven. */
function readCore(table: Bytes, feed: Buffer, names: Set<number>): Node[] {
  const name = table.uint()
  const key = table.fixed(32)
  demand(name <= 1 && (name === 1 || key.equals(feed)), DAMAGED)
  names.add(name)
  const manifest = table.buffer()
  const head = { length: table.uint(), fork: table.uint() }
  const signature = table.buffer()
  const [blocks, nodes] = [readNodes(table), readNodes(table)]
  const leaves = blocks.map((block) => ({ ...block, index: 2 * block.index }))
  const roots = rootsOf(head.length, [...leaves, ...nodes])
  const tree = blake2b(
    Buffer.from([2]),
    ...roots.flatMap(({ hash, index, size }) => [hash, uint64(index), uint64(size)])
  )
  demand(isSigned({ key, manifest, signature, tree, ...head }), 'STICK_TAMPERED')
  demand(name === 0 || isBlobsOf(feed, manifest), DAMAGED)
  return blocks
}

/** The same signer as the db core, in a namespace of the feed. */
function isBlobsOf(feed: Buffer, manifest: Buffer): boolean {
  const [signer] = Verifier.decodeManifest(manifest).signers
  if (signer === undefined) return false
  const db = Verifier.defaultSignerManifest(signer.publicKey)
  const drive = blake2b(blake2b(Buffer.from('hyperdrive')), Buffer.of(0))
  const namespace = blake2b(drive, feed, DEFAULT_NAMESPACE)
  const blobs = Verifier.encodeManifest({ ...db, signers: [{ ...signer, namespace }] })
  return Verifier.isValidManifest(feed, db) && manifest.equals(blobs)
}

function readNodes(table: Bytes): Node[] {
  const count = table.uint()
  demand(count <= 262_144, DAMAGED)
  let next = 0
  return Array.from({ length: count }, () => {
    const index = next + table.uint()
    next = index + 1
    return { index, size: table.uint(), hash: table.fixed(32) }
  })
}

/** The roots of a tree of `length` blocks, from nodes that cover it exactly. */
function rootsOf(length: number, given: Node[]): Node[] {
  const left = new Map(given.map((node) => [node.index, node]))
  const build = (first: number, width: number): Node => {
    const index = 2 * first + width - 1
    const node = left.get(index)
    if (node !== undefined) {
      left.delete(index)
      return node
    }
    if (width === 1) return refuse(DAMAGED)
    const [a, b] = [build(first, width / 2), build(first + width / 2, width / 2)]
    const size = a.size + b.size
    return { index, size, hash: blake2b(Buffer.from([1]), uint64(size), a.hash, b.hash) }
  }
  const roots: Node[] = []
  for (let first = 0, width = 2 ** 40; width >= 1; width /= 2) {
    if (first + width > length) continue
    roots.push(build(first, width))
    first += width
  }
  demand(left.size === 0, DAMAGED)
  return roots
}

function isSigned(of: {
  key: Buffer
  manifest: Buffer
  signature: Buffer
  tree: Buffer
  length: number
  fork: number
}): boolean {
  const manifest = Verifier.decodeManifest(of.manifest)
  if (!Verifier.isValidManifest(of.key, manifest)) return false
  const { length, fork } = of
  const signable = (namespace: Uint8Array) => treeSignable(namespace, of.tree, length, fork)
  return new Verifier(of.key, manifest).verify({ signable, hash: () => of.tree, length, fork }, of.signature)
}

function checkBlocks(listed: readonly Node[], bytes: Buffer): void {
  let at = 0
  for (const { size, hash } of listed) {
    const block = bytes.subarray(at, at + size)
    at += size
    demand(blake2b(Buffer.from([0]), uint64(size), block).equals(hash), 'BLOCK')
  }
}
