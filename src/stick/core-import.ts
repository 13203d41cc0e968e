// Brings one core of a home up to what a stick holds: the upgrade is made for the home's own length from the stick's
// nodes, then every node and block goes through Hypercore's own verification. Can be cut anywhere and run again.

import { ChasquiError } from '../errors.ts'
import type { BlockCore, TreeNode } from '../feed/block-core.ts'
import { stopIfCancelled } from './cancel.ts'
import type { BlockPlace, CoreOnStick } from './feed-folder.ts'
import { StoredNodes } from './stored-nodes.ts'
import { fullRoots, leafHash, rootsAt, upgradeNodes } from './tree.ts'

const BATCH = 32 // blocks verified and stored in one step
/** blocks of which the first brings the nodes of the others */
const SHARING = 8
/** waves at work at a time: one is being verified while the one before is being written */
const WAVES = 2
/** batches in memory: one is read while two have begun and the rest of two others is being stored */
const SLOTS = 2 * WAVES + 1
const UPGRADE_ATTEMPTS = 5

export interface CoreImport {
  core: BlockCore
  stick: CoreOnStick
  /**
   * The bytes of blocks of one segment, ascending by position, unverified; null for one that the file does not hold. What was
   * read before with the same slot (from 0, a few) is needed no more.
   */
  read(places: readonly BlockPlace[], slot: number): Promise<(Uint8Array | null)[]>
  signal: AbortSignal
  onBlocks(blocks: number, bytes: number): void
  /** one block was verified and stored */
  onBlock?(index: number, bytes: number): void
}

export interface CoreImportResult {
  blocks: number
  bytes: number
  /** blocks whose bytes are not what they should be */
  damaged: BlockPlace[]
  /** blocks that this home cannot place, because it is ahead of the stick and lacks the nodes between */
  unplaced: number
}

/** Throws STICK_FORK when stick and home tell different histories, STICK_INCOMPLETE when the stick lacks the nodes between. */
export async function importCore(request: CoreImport): Promise<CoreImportResult> {
  await refuseFork(request.core, request.stick)
  await upgrade(request.core, request.stick)
  const stored = new StoredNodes(request.core)
  await storeNodes(request, stored)
  return storeBlocks(request, stored)
}

/** Compares what both have: roots at the shorter length, and every node that the home has of the stick's roots. */
export async function refuseFork(core: BlockCore, stick: CoreOnStick): Promise<void> {
  if (core.length === 0) return
  const shorter = Math.min(core.length, stick.head.length)
  const ours = await Promise.all(fullRoots(shorter).map((index) => core.node(index)))
  const theirs = rootsAt(stick.tree, shorter)
  const differs = ours.some((node) => {
    const other = node === null ? undefined : stick.tree.get(node.index)
    return other !== undefined && !Buffer.from(other.hash).equals((node as TreeNode).hash)
  })
  if (differs || (stick.head.fork !== core.fork && theirs !== null)) {
    throw new ChasquiError('STICK_FORK', 'the stick carries another history of the feed than this home has', {
      hint: 'nothing was imported; tell the publisher that the feed was written twice'
    })
  }
}

async function upgrade(core: BlockCore, stick: CoreOnStick): Promise<void> {
  for (let attempt = 0; attempt < UPGRADE_ATTEMPTS && core.length < stick.head.length; attempt++) {
    const start = core.length
    const nodes = upgradeNodes(stick.tree, start, stick.head.length)
    if (nodes === null) {
      throw new ChasquiError('STICK_INCOMPLETE', `the stick cannot lead on from block ${start}`, {
        hint: 'export to it again from a home that has everything'
      })
    }
    const { length, fork, signature } = stick.head
    const manifest = (await core.manifest()) === null ? stick.manifest : null
    const proof = { start, length: length - start, nodes, additionalNodes: [], signature }
    // false, or INVALID_OPERATION: a peer moved the core meanwhile; its new length gets its own proof
    await core.applyProof({ fork, block: null, hash: null, upgrade: proof, manifest }).catch((error) => {
      if (core.length === start) throw error
    })
  }
}

/** Keeps the stick's nodes that no block brings, so that this home can lead others on from any length. */
async function storeNodes(request: CoreImport, stored: StoredNodes): Promise<void> {
  const { core, stick, signal } = request
  const leaves = [...stick.tree.values()].filter(
    (node) => node.index % 2 === 0 && !stick.blocks.has(node.index / 2)
  )
  for (let i = 0; i < leaves.length; i += BATCH) {
    stopIfCancelled(signal)
    const applied = leaves.slice(i, i + BATCH).map(async (leaf) => {
      const path = await stored.pathFrom(stick, leaf.index)
      if (path === null || path.length === 0) return
      const hash = { index: leaf.index, nodes: [leaf, ...path] }
      await core.applyProof({ fork: stick.head.fork, block: null, hash, upgrade: null, manifest: null })
    })
    await Promise.all(applied)
  }
}

/**
 * A wave brings the first blocks of one batch and the others of a batch whose first ones have been stored. While one wave is
 * being written the next is verified.
 */
async function storeBlocks(request: CoreImport, stored: StoredNodes): Promise<CoreImportResult> {
  const result: CoreImportResult = { blocks: 0, bytes: 0, damaged: [], unplaced: 0 }
  const places = [...request.stick.blocks.values()].sort(byPlace)
  const begun: (Batch | null)[] = Array(WAVES).fill(null)
  const writing: Promise<void>[] = []
  let slot = 0
  for (const some of [...batches(places), ...Array<null>(WAVES).fill(null)]) {
    stopIfCancelled(request.signal)
    const batch = some === null ? null : await readBatch(request, some, slot)
    slot = (slot + 1) % SLOTS
    if (writing.length === WAVES) await writing.shift()
    const wave = [...firstOf(batch), ...othersOf(begun.shift() ?? null)]
    begun.push(batch)
    const storing = storeWave(request, stored, wave, result)
    storing.catch(() => undefined)
    writing.push(storing)
  }
  await Promise.all(writing)
  return result
}

/** What the home lacks of some blocks, as it was read. */
interface Batch {
  places: readonly BlockPlace[]
  values: readonly (Uint8Array | null)[]
}

interface ReadBlock {
  place: BlockPlace
  value: Uint8Array | null
}

async function readBatch(request: CoreImport, some: readonly BlockPlace[], slot: number): Promise<Batch> {
  const places = await missingOf(request.core, some)
  return { places, values: await request.read(places, slot) }
}

/** A few bring the nodes that the others share: without them each proof would carry, hash and store them all again. */
function isFirst({ index }: BlockPlace, at: number): boolean {
  return at === 0 || index % SHARING === 0
}

function firstOf(batch: Batch | null): ReadBlock[] {
  return blocksOf(batch).filter(({ place }, at) => isFirst(place, at))
}

function othersOf(batch: Batch | null): ReadBlock[] {
  return blocksOf(batch).filter(({ place }, at) => !isFirst(place, at))
}

function blocksOf(batch: Batch | null): ReadBlock[] {
  return batch?.places.map((place, at) => ({ place, value: batch.values[at] ?? null })) ?? []
}

async function missingOf(core: BlockCore, batch: readonly BlockPlace[]): Promise<BlockPlace[]> {
  const here = await Promise.all(batch.map((place) => core.has(place.index)))
  return batch.filter((_place, at) => here[at] === false)
}

async function storeWave(
  request: CoreImport,
  stored: StoredNodes,
  wave: readonly ReadBlock[],
  result: CoreImportResult
): Promise<void> {
  let [blocks, bytes] = [0, 0]
  const store = async ({ place, value }: ReadBlock) => {
    const climbed = await storeBlock(request, stored, place, value, result)
    if (climbed === null) return
    stored.addPath(2 * place.index, climbed)
    blocks++
    bytes += place.size
  }
  await Promise.all(wave.map(store))
  request.onBlocks(blocks, bytes)
}

/** Returns how many levels the proof led up, or null when nothing was stored. */
async function storeBlock(
  request: CoreImport,
  stored: StoredNodes,
  place: BlockPlace,
  value: Uint8Array | null,
  result: CoreImportResult
): Promise<number | null> {
  const { core, stick } = request
  const nodes = await stored.pathFrom(stick, 2 * place.index)
  if (nodes === null) {
    result.unplaced++
    return null
  }
  if (value === null) {
    result.damaged.push(place)
    return null
  }
  const block = { index: place.index, value, nodes }
  try {
    await core.applyProof({ fork: stick.head.fork, block, hash: null, upgrade: null, manifest: null })
  } catch (error) {
    if (Buffer.from(leafHash(value)).equals(place.hash)) throw error
    result.damaged.push(place)
    return null
  }
  result.blocks++
  result.bytes += value.length
  request.onBlock?.(place.index, value.length)
  return nodes.length
}

/** Blocks that lie one after the other in one file, a few at a time. */
function* batches(places: readonly BlockPlace[]): Generator<BlockPlace[]> {
  let start = 0
  for (let i = 1; i <= places.length; i++) {
    const full = i - start === BATCH || i === places.length
    if (!full && places[i]?.segment === places[start]?.segment) continue
    yield places.slice(start, i)
    start = i
  }
}

function byPlace(a: BlockPlace, b: BlockPlace): number {
  return a.segment < b.segment ? -1 : a.segment > b.segment ? 1 : a.position - b.position
}
