// Reads the index of a pack (FORMAT 4.4). Everything in it is hostile until it was held against the base, the path policy
// and the limits; nothing is reserved for a count before what it counts was there.
import { ChasquiError } from '../errors.ts'
import { comparePaths, type FileEntry, MANIFEST_LIMITS, type Manifest } from '../release/manifest.ts'
import { checkPaths } from '../release/path-policy.ts'
import { ByteReader, damaged } from './bytes.ts'
import type { PackLimits } from './limits.ts'
import {
  type BaseRange,
  type ContentOrigin,
  contentOrder,
  METHOD_SPACE,
  METHODS,
  OPERATIONS,
  ORIGINS,
  type PackGroup,
  type PackIndex,
  type PlannedFile,
  TYPES
} from './pack-index.ts'

const EMPTY: Manifest = { entries: [] }
const decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })

/** Reads a raw index against its base. Throws PACK_DAMAGED, PACK_LIMIT, PACK_WRONG_BASE and PATH_*. */
export function decodeIndex(bytes: Uint8Array, base: Manifest | null, limits: PackLimits): PackIndex {
  const reader = new ByteReader(bytes)
  const kind = reader.varint()
  if (kind > 1) throw damaged('its kind is unknown')
  const root = readHash(reader)
  const baseRoot = kind === 1 ? readHash(reader) : null
  if ((baseRoot === null) !== (base === null)) {
    throw new ChasquiError('PACK_WRONG_BASE', 'a full pack was given a base, or a delta pack was given none')
  }
  const columns = new ColumnReader(reader, base ?? EMPTY, limits)
  const files = columns.readFiles()
  const groups = columns.readGroups(files)
  reader.end()
  checkPaths(files.map((file) => file.path))
  return { root, baseRoot, files, groups }
}

/** The roots that a raw index names, without a base. */
export function readRoots(bytes: Uint8Array): { root: string; baseRoot: string | null } {
  const reader = new ByteReader(bytes)
  const kind = reader.varint()
  if (kind > 1) throw damaged('its kind is unknown')
  const root = readHash(reader)
  return { root, baseRoot: kind === 1 ? readHash(reader) : null }
}

function readHash(reader: ByteReader): string {
  return Buffer.from(reader.raw(32)).toString('hex')
}

class ColumnReader {
  readonly #operations: ByteReader
  readonly #paths: ByteReader
  readonly #sizes: ByteReader
  readonly #origins: ByteReader
  readonly #groups: ByteReader
  readonly #base: Manifest
  readonly #limits: PackLimits
  readonly #files: PlannedFile[] = []
  #cursor = 0
  #total = 0
  #previousPath: Uint8Array = new Uint8Array()
  #lastOrigin = -1

  constructor(reader: ByteReader, base: Manifest, limits: PackLimits) {
    const columns = Array.from({ length: 5 }, () => new ByteReader(reader.string()))
    ;[this.#operations, this.#paths, this.#sizes, this.#origins, this.#groups] = columns as [
      ByteReader,
      ByteReader,
      ByteReader,
      ByteReader,
      ByteReader
    ]
    this.#base = base
    this.#limits = limits
  }

  readFiles(): PlannedFile[] {
    while (!this.#operations.done) this.#readOperation()
    if (this.#cursor !== this.#base.entries.length) throw damaged('it does not account for every old file')
    for (const column of [this.#paths, this.#sizes, this.#origins]) column.end()
    return this.#files
  }

  #readOperation(): void {
    const value = this.#operations.varint()
    const [code, detail] = [value % 4, Math.floor(value / 4)]
    if (code === OPERATIONS.keep || code === OPERATIONS.drop) {
      if (detail === 0 || detail > this.#base.entries.length - this.#cursor)
        throw damaged('it names old files that are not there')
      for (let i = 0; i < detail; i++) {
        const old = this.#base.entries[this.#cursor++] as FileEntry
        if (code === OPERATIONS.keep)
          this.#add(old.path, typeOf(old), { from: 'base', index: this.#cursor - 1 }, old.size)
      }
    } else if (detail >= TYPES.length * ORIGINS.length) {
      throw damaged('a file has an unknown type')
    } else {
      const path = code === OPERATIONS.add ? this.#readPath() : this.#oldPath()
      this.#readFile(path, detail)
    }
  }

  #oldPath(): string {
    const old = this.#base.entries[this.#cursor++]
    if (old === undefined) throw damaged('it names old files that are not there')
    return old.path
  }

  #readPath(): string {
    const shared = this.#paths.varint()
    const rest = this.#paths.string()
    if (shared > this.#previousPath.length || shared + rest.length > 4096)
      throw damaged('a path in it is out of range')
    try {
      return decoder.decode(Buffer.concat([this.#previousPath.subarray(0, shared), rest]))
    } catch (cause) {
      throw damaged('a path in it is not UTF-8', cause)
    }
  }

  #readFile(path: string, detail: number): void {
    const [type, origin] = [detail % 3, Math.floor(detail / 3)]
    const from = ORIGINS[origin]
    if (from === 'coded' || from === 'patched') {
      this.#add(path, type, { from }, this.#sizes.varint())
      return
    }
    const index = this.#lastOrigin + 1 + this.#origins.signed()
    this.#lastOrigin = index
    const source = from === 'base' ? this.#base.entries[index] : this.#files[index]
    if (source === undefined) throw damaged('a file is a copy of nothing')
    if ('origin' in source && 'index' in source.origin) throw damaged('a copy of a copy')
    if ((type === 2) !== (source.kind === 'symlink')) throw damaged('a file is a copy of a symlink')
    this.#add(path, type, { from: from === 'base' ? 'base' : 'target', index }, source.size)
  }

  #add(path: string, type: number, origin: ContentOrigin, size: number): void {
    const kind = TYPES[type] === 'symlink' ? 'symlink' : 'file'
    const limit = kind === 'symlink' ? MANIFEST_LIMITS.linkSize : MANIFEST_LIMITS.fileSize
    if (size > limit || (kind === 'symlink' && size === 0))
      throw damaged('the size of a file is out of range')
    const previous = this.#files.at(-1)
    if (previous !== undefined && comparePaths(previous.path, path) >= 0)
      throw damaged('its paths are not sorted')
    this.#total += size
    if (this.#total > this.#limits.totalBytes) throw tooMuch('bytes of files')
    if (this.#files.length >= this.#limits.entries) {
      throw new ChasquiError('PACK_LIMIT', `the pack claims more than ${this.#limits.entries} files`)
    }
    this.#files.push({ path, kind, executable: TYPES[type] === 'executable', size, origin })
    this.#previousPath = Buffer.from(path)
  }

  readGroups(files: readonly PlannedFile[]): PackGroup[] {
    const coded = contentOrder(files).reduce((sum, number) => sum + (files[number] as PlannedFile).size, 0)
    const count = this.#groups.varint()
    if (count > this.#limits.groups) throw tooMuch('groups')
    const groups: PackGroup[] = []
    const state = { last: -1, ranges: 0 }
    for (let i = 0; i < count; i++) groups.push(this.#readGroup(state))
    this.#groups.end()
    if (groups.reduce((sum, group) => sum + group.rawLength, 0) !== coded) {
      throw damaged('its groups do not hold what its files need')
    }
    return groups
  }

  #readGroup(state: { last: number; ranges: number }): PackGroup {
    const [head, frameLength] = [this.#groups.varint(), this.#groups.varint()]
    const [rawLength, method] = [Math.floor(head / METHOD_SPACE), METHODS[head % METHOD_SPACE]]
    if (method === undefined) throw damaged('a group is coded in a way that is not known')
    if (rawLength === 0 || frameLength === 0) throw damaged('it has an empty group')
    const limit = method === 'zstd' ? this.#limits.groupBytes : this.#limits.patchedBytes
    if (rawLength > limit) throw tooMuch('bytes in one group')
    const count = this.#groups.varint()
    state.ranges += count
    if (state.ranges > this.#limits.ranges) throw tooMuch('parts of old files')
    const ranges: BaseRange[] = []
    for (let i = 0; i < count; i++) ranges.push(this.#readRange(state))
    const oldBytes = ranges.reduce((sum, range) => sum + range.length, 0)
    if (method === 'zstd' && oldBytes > this.#limits.dictionaryBytes) throw tooMuch('old bytes for one group')
    return { method, rawLength, frameLength, ranges }
  }

  #readRange(state: { last: number }): BaseRange {
    const index = state.last + 1 + this.#groups.signed()
    state.last = index
    const old = this.#base.entries[index]
    if (old === undefined || old.size === 0 || old.kind !== 'file')
      throw damaged('it builds on an old file that is not there')
    const length = this.#groups.varint()
    if (length === 0) return { index, offset: 0, length: old.size }
    const offset = this.#groups.varint()
    if (offset + length > old.size || length === old.size)
      throw damaged('it builds on bytes that are not there')
    return { index, offset, length }
  }
}

function typeOf(entry: FileEntry): number {
  if (entry.kind === 'symlink') return 2
  return entry.executable ? 1 : 0
}

function tooMuch(what: string): ChasquiError {
  return new ChasquiError('PACK_LIMIT', `the pack claims more ${what} than is allowed`, {
    hint: 'it is hostile or was made by a later version: do not apply it'
  })
}
