// Decides for every file of a target where its content comes from: an old file as it is (also under another name), another
// new file, or coded, with the old file that resembles it most as its base. Looks at names, sizes and hashes only.
import { comparePaths, contentKey, type FileEntry, type Manifest } from '../release/manifest.ts'
import type { PlannedFile } from './pack-index.ts'

export interface MatchedFile {
  file: PlannedFile
  /** entry of the base whose bytes help to code this file; null when there is none */
  resembles: number | null
}

const HELPER_SIZE = 256 * 1024 // bytes: a neighbour larger than this is not worth reading for a new file
const CANDIDATES = 200 // old files that a new one is compared with: those next to it in path order

/** One result per target entry, in order. */
export function matchFiles(target: Manifest, base: Manifest | null): MatchedFile[] {
  const old = new OldFiles(target, base ?? { entries: [] })
  const coded = new Map<string, number>()
  return target.entries.map((entry, index) => {
    const same = old.sameContent(entry)
    if (same !== null) return plan(entry, { from: 'base', index: same })
    const twin = coded.get(contentKey(entry))
    if (twin !== undefined) return plan(entry, { from: 'target', index: twin })
    if (entry.size > 0) coded.set(contentKey(entry), index)
    return { ...plan(entry, { from: 'coded' }), resembles: old.similar(entry) }
  })
}

function plan(entry: FileEntry, origin: PlannedFile['origin']): MatchedFile {
  const { path, kind, executable, size } = entry
  return { file: { path, kind, executable, size, origin }, resembles: null }
}

class OldFiles {
  readonly #entries: readonly FileEntry[]
  readonly #byPath: Map<string, number>
  readonly #byContent = new Map<string, number>()
  /** files that are no longer there, by name: what a moved and edited file came from */
  readonly #goneByName = new Map<string, number[]>()
  /** all old files by folder and extension */
  readonly #byKind = new Map<string, number[]>()

  constructor(target: Manifest, base: Manifest) {
    this.#entries = base.entries
    this.#byPath = new Map(base.entries.map((entry, index) => [entry.path, index]))
    const present = new Set(target.entries.map((entry) => entry.path))
    base.entries.forEach((entry, index) => {
      if (!this.#byContent.has(contentKey(entry))) this.#byContent.set(contentKey(entry), index)
      if (entry.kind !== 'file' || entry.size === 0) return
      if (!present.has(entry.path)) append(this.#goneByName, nameOf(entry.path), index)
      append(this.#byKind, kindOf(entry.path), index)
    })
  }

  sameContent(entry: FileEntry): number | null {
    const here = this.#byPath.get(entry.path)
    if (here !== undefined && contentKey(this.#entries[here] as FileEntry) === contentKey(entry)) return here
    return entry.size === 0 ? null : (this.#byContent.get(contentKey(entry)) ?? null)
  }

  similar(entry: FileEntry): number | null {
    if (entry.kind !== 'file' || entry.size === 0) return null
    const here = this.#byPath.get(entry.path)
    if (here !== undefined && this.#usable(here)) return here
    const moved = this.#closest(this.#goneByName.get(nameOf(entry.path)) ?? [], entry)
    if (moved !== null) return moved
    const neighbour = this.#closest(this.#byKind.get(kindOf(entry.path)) ?? [], entry)
    if (neighbour === null) return null
    const size = (this.#entries[neighbour] as FileEntry).size
    return size <= Math.max(HELPER_SIZE, 2 * entry.size) ? neighbour : null
  }

  #usable(index: number): boolean {
    const entry = this.#entries[index] as FileEntry
    return entry.kind === 'file' && entry.size > 0
  }

  /** The candidate whose path shares most with the entry's, the nearer size deciding. Candidates are in path order. */
  #closest(candidates: readonly number[], entry: FileEntry): number | null {
    let best: { index: number; shared: number; distance: number } | null = null
    for (const index of this.#around(candidates, entry.path)) {
      const other = this.#entries[index] as FileEntry
      const shared = sharedEnds(other.path, entry.path)
      const distance = Math.abs(other.size - entry.size)
      if (best === null || shared > best.shared || (shared === best.shared && distance < best.distance)) {
        best = { index, shared, distance }
      }
    }
    return best?.index ?? null
  }

  #around(candidates: readonly number[], path: string): readonly number[] {
    if (candidates.length <= CANDIDATES) return candidates
    let [low, high] = [0, candidates.length]
    while (low < high) {
      const middle = (low + high) >> 1
      const { path: other } = this.#entries[candidates[middle] as number] as FileEntry
      if (comparePaths(other, path) < 0) low = middle + 1
      else high = middle
    }
    const start = Math.max(0, Math.min(low - CANDIDATES / 2, candidates.length - CANDIDATES))
    return candidates.slice(start, start + CANDIDATES)
  }
}

function append(map: Map<string, number[]>, key: string, index: number): void {
  const list = map.get(key)
  if (list === undefined) map.set(key, [index])
  else list.push(index)
}

function nameOf(path: string): string {
  return path.slice(path.lastIndexOf('/') + 1)
}

function kindOf(path: string): string {
  const folder = path.slice(0, path.lastIndexOf('/') + 1)
  const name = nameOf(path)
  const dot = name.lastIndexOf('.')
  return `${folder}*${dot > 0 ? name.slice(dot) : ''}`
}

function sharedEnds(a: string, b: string): number {
  const length = Math.min(a.length, b.length)
  let start = 0
  while (start < length && a[start] === b[start]) start++
  let end = 0
  while (end < length - start && a[a.length - 1 - end] === b[b.length - 1 - end]) end++
  return start + end
}
