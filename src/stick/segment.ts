// One segment file: blocks of a feed's cores, the Merkle nodes that tie them to a signed head, a table of both, a footer.
// Bytes only, no I/O. A parsed segment is proven: its blocks' hashes lead to a head that the core's writer signed.
import type { State } from 'compact-encoding'
import * as c from 'compact-encoding'
import { ChasquiError } from '../errors.ts'
import { type CoreHead, type TreeNode, verifyCoreHead } from '../feed/block-core.ts'
import { isBlobsOf } from './blobs-core.ts'
import { blake2b, coverTree, type NodeMap } from './tree.ts'

/** FORMAT 12.3 */
export const SEGMENT_LIMITS = {
  /** bytes of one segment file: below FAT32's 4 GiB and small enough to lose */
  file: 1024 * 1024 * 1024,
  /** bytes of one table */
  table: 32 * 1024 * 1024,
  /** blocks and nodes in one segment */
  entries: 262_144,
  /** bytes of one block */
  block: 16 * 1024 * 1024
} as const

const HEADER_MAGIC = Buffer.from('CHQSEG\0\x01', 'latin1')
const FOOTER_MAGIC = Buffer.from('CHQEND\0\x01', 'latin1')
export const HEADER_BYTES = 80
export const FOOTER_BYTES = 56

export type CoreName = 'db' | 'blobs'
const CORE_NAMES: readonly CoreName[] = ['db', 'blobs']

export interface SegmentHeader {
  /** fleet id */
  fleet: Uint8Array
  /** key of the feed's db core */
  feed: Uint8Array
  number: number
}

/** One block as the table lists it. */
export interface SegmentBlock {
  index: number
  size: number
  hash: Uint8Array
}

export interface SegmentCore {
  name: CoreName
  key: Uint8Array
  manifest: Uint8Array
  head: CoreHead
  /** ascending by index; their bytes lie one after the other in this order */
  blocks: readonly SegmentBlock[]
  /** what the blocks leave uncovered, ascending by index */
  nodes: readonly TreeNode[]
}

export function encodeHeader(header: SegmentHeader): Uint8Array {
  const bytes = Buffer.alloc(HEADER_BYTES)
  HEADER_MAGIC.copy(bytes)
  bytes.set(header.fleet, 8)
  bytes.set(header.feed, 40)
  bytes.writeBigUInt64LE(BigInt(header.number), 72)
  return bytes
}

function decodeHeader(bytes: Buffer): SegmentHeader {
  if (bytes.length !== HEADER_BYTES || !bytes.subarray(0, 8).equals(HEADER_MAGIC)) {
    throw damaged('a segment does not start as one')
  }
  return {
    fleet: bytes.subarray(8, 40),
    feed: bytes.subarray(40, 72),
    number: safeInteger(bytes.readBigUInt64LE(72))
  }
}

/** The table of a segment's cores. */
export function encodeTable(cores: readonly SegmentCore[]): Uint8Array {
  const state: State = { start: 0, end: 0, buffer: null as never }
  const write = (pass: 'preencode' | 'encode') => {
    c.uint[pass](state, cores.length)
    for (const core of cores) writeCore(state, pass, core)
  }
  write('preencode')
  state.buffer = Buffer.alloc(state.end)
  write('encode')
  return state.buffer
}

function writeCore(state: State, pass: 'preencode' | 'encode', core: SegmentCore): void {
  c.uint[pass](state, CORE_NAMES.indexOf(core.name))
  c.fixed32[pass](state, core.key)
  c.buffer[pass](state, core.manifest)
  c.uint[pass](state, core.head.length)
  c.uint[pass](state, core.head.fork)
  c.buffer[pass](state, core.head.signature)
  for (const entries of [core.blocks, core.nodes]) {
    c.uint[pass](state, entries.length)
    let next = 0
    for (const entry of entries) {
      c.uint[pass](state, entry.index - next)
      c.uint[pass](state, entry.size)
      c.fixed32[pass](state, entry.hash)
      next = entry.index + 1
    }
  }
}

function decodeTable(table: Buffer): SegmentCore[] {
  const state: State = { start: 0, end: table.length, buffer: table }
  try {
    const count = c.uint.decode(state)
    if (count < 1 || count > CORE_NAMES.length) throw damaged('a segment lists no core')
    const cores = Array.from({ length: count }, () => readCore(state))
    if (!table.equals(encodeTable(cores))) throw damaged('a segment has a table in another form than its own')
    return cores
  } catch (cause) {
    throw cause instanceof ChasquiError ? cause : damaged('a segment has a table that ends too early', cause)
  }
}

function readCore(state: State): SegmentCore {
  const name = CORE_NAMES[c.uint.decode(state)]
  if (name === undefined) throw damaged('a segment names an unknown core')
  return {
    name,
    key: c.fixed32.decode(state),
    manifest: c.buffer.decode(state) ?? new Uint8Array(0),
    head: {
      length: safe(c.uint.decode(state)),
      fork: safe(c.uint.decode(state)),
      signature: c.buffer.decode(state) ?? new Uint8Array(0)
    },
    blocks: readEntries(state, SEGMENT_LIMITS.block),
    nodes: readEntries(state, Number.MAX_SAFE_INTEGER)
  }
}

function readEntries(state: State, sizeLimit: number): TreeNode[] {
  const count = c.uint.decode(state)
  if (count > SEGMENT_LIMITS.entries) throw damaged('a segment lists too many blocks')
  const entries: TreeNode[] = []
  let next = 0
  for (let i = 0; i < count; i++) {
    const index = safe(next + c.uint.decode(state))
    const size = c.uint.decode(state)
    if (!(size <= sizeLimit)) throw damaged('a segment lists a block that is too large')
    entries.push({ index, size, hash: c.fixed32.decode(state) })
    next = index + 1
  }
  return entries
}

/** The footer that closes a segment with `table` at `offset`. */
export function encodeFooter(header: Uint8Array, table: Uint8Array, offset: number): Uint8Array {
  const footer = Buffer.alloc(FOOTER_BYTES)
  footer.writeBigUInt64LE(BigInt(offset), 0)
  footer.writeBigUInt64LE(BigInt(table.length), 8)
  footer.set(blake2b([header, table, footer.subarray(0, 16)]), 16)
  FOOTER_MAGIC.copy(footer, 48)
  return footer
}

/** Where the table is, from the footer of a file of `size` bytes. Throws STICK_DAMAGED. */
export function readFooter(
  footer: Uint8Array,
  size: number
): { offset: number; length: number; hash: string } {
  const bytes = Buffer.from(footer)
  if (bytes.length !== FOOTER_BYTES || !bytes.subarray(48).equals(FOOTER_MAGIC)) {
    throw damaged('a segment does not end as one: it was cut off')
  }
  const offset = safeInteger(bytes.readBigUInt64LE(0))
  const length = safeInteger(bytes.readBigUInt64LE(8))
  if (offset < HEADER_BYTES || length > SEGMENT_LIMITS.table || offset + length + FOOTER_BYTES !== size) {
    throw damaged('a segment has a footer that does not fit its size')
  }
  return { offset, length, hash: bytes.subarray(16, 48).toString('hex') }
}

export interface ProvenCore extends SegmentCore {
  /** every node that the segment proves */
  tree: NodeMap
  /** position of each block in the file, in the order of `blocks` */
  positions: readonly number[]
}

export interface ProvenSegment {
  header: SegmentHeader
  cores: readonly ProvenCore[]
  /** hex; names this very segment */
  hash: string
}

/** Parses header, table and footer and proves them against the heads' signatures. Throws STICK_DAMAGED or STICK_TAMPERED. */
export function proveSegment(headerBytes: Uint8Array, table: Uint8Array, footer: Uint8Array): ProvenSegment {
  const hash = Buffer.from(footer).subarray(16, 48)
  if (!hash.equals(blake2b([headerBytes, table, footer.subarray(0, 16)]))) {
    throw damaged('a segment does not have the hash that its footer says')
  }
  const header = decodeHeader(Buffer.from(headerBytes))
  const offset = Number(Buffer.from(footer).readBigUInt64LE(0))
  let position = HEADER_BYTES
  const cores = decodeTable(Buffer.from(table)).map((core): ProvenCore => {
    const positions = core.blocks.map((block) => {
      position += block.size
      return position - block.size
    })
    return { ...core, tree: proveCore(core, header), positions }
  })
  if (position !== offset) throw damaged('a segment does not hold the bytes that its table lists')
  if (new Set(cores.map((core) => core.name)).size !== cores.length)
    throw damaged('a segment lists a core twice')
  return { header, cores, hash: hash.toString('hex') }
}

function proveCore(core: SegmentCore, header: SegmentHeader): NodeMap {
  const leaves = core.blocks.map(({ index, size, hash }) => ({ index: 2 * index, size, hash }))
  const { nodes, roots } = coverTree([...leaves, ...core.nodes], core.head.length)
  if (core.name === 'db' && !Buffer.from(core.key).equals(header.feed)) {
    throw damaged('a segment names another feed in its header than in its table')
  }
  if (!verifyCoreHead({ key: core.key, manifest: core.manifest, head: core.head, roots })) {
    throw new ChasquiError('STICK_TAMPERED', 'a segment holds blocks that the publisher did not sign', {
      hint: 'do not use this stick; export again to an empty one'
    })
  }
  // anybody can sign a core of their own
  if (core.name === 'blobs' && !isBlobsOf(header.feed, core.manifest)) {
    throw damaged('a segment holds the blobs of another feed than its header names')
  }
  return nodes
}

function safe(value: number): number {
  if (!Number.isSafeInteger(value)) throw damaged('a segment has a number that is too large')
  return value
}

function safeInteger(value: bigint): number {
  return safe(Number(value))
}

function damaged(message: string, cause?: unknown): ChasquiError {
  return new ChasquiError('STICK_DAMAGED', message, {
    cause,
    hint: 'run "usb-sync export" onto the stick again: it repairs what is damaged'
  })
}
