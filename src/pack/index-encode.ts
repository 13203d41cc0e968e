// Writes the index of a pack (FORMAT 4.4): the target's file list coded against the base's, column by column.
import { comparePaths, type FileEntry, type Manifest } from '../release/manifest.ts'
import { ByteWriter } from './bytes.ts'
import {
  METHOD_SPACE,
  METHODS,
  OPERATIONS,
  ORIGINS,
  type PackGroup,
  type PackIndex,
  type PlannedFile
} from './pack-index.ts'

const EMPTY: Manifest = { entries: [] }

/** The raw index; `base` is null for a full pack. */
export function encodeIndex(index: PackIndex, base: Manifest | null): Uint8Array {
  const columns = new IndexColumns()
  columns.writeFiles(index.files, base ?? EMPTY)
  columns.writeGroups(index.groups, base ?? EMPTY)
  const writer = new ByteWriter()
  writer.varint(index.baseRoot === null ? 0 : 1)
  writer.raw(Buffer.from(index.root, 'hex'))
  if (index.baseRoot !== null) writer.raw(Buffer.from(index.baseRoot, 'hex'))
  for (const column of columns.finish()) writer.string(column)
  return writer.finish()
}

class IndexColumns {
  readonly operations = new ByteWriter()
  readonly paths = new ByteWriter()
  readonly sizes = new ByteWriter()
  readonly origins = new ByteWriter()
  readonly groups = new ByteWriter()
  #run: { code: number; length: number } = { code: OPERATIONS.keep, length: 0 }
  #lastOrigin = -1

  writeFiles(files: readonly PlannedFile[], base: Manifest): void {
    let cursor = 0
    let previousPath = ''
    for (const file of files) {
      for (; cursor < base.entries.length; cursor++) {
        if (comparePaths((base.entries[cursor] as FileEntry).path, file.path) >= 0) break
        this.#count(OPERATIONS.drop)
      }
      const old = base.entries[cursor]
      const hasOld = old?.path === file.path
      if (hasOld && isKept(file, old, cursor)) this.#count(OPERATIONS.keep)
      else this.#writeFile(file, hasOld ? OPERATIONS.change : OPERATIONS.add, previousPath)
      if (hasOld) cursor++
      previousPath = file.path
    }
    for (; cursor < base.entries.length; cursor++) this.#count(OPERATIONS.drop)
    this.#flush()
  }

  writeGroups(groups: readonly PackGroup[], base: Manifest): void {
    this.groups.varint(groups.length)
    let last = -1
    for (const group of groups) {
      this.groups.varint(group.rawLength * METHOD_SPACE + METHODS.indexOf(group.method))
      this.groups.varint(group.frameLength)
      this.groups.varint(group.ranges.length)
      for (const range of group.ranges) {
        this.groups.signed(range.index - last - 1)
        last = range.index
        const whole = range.offset === 0 && range.length === base.entries[range.index]?.size
        this.groups.varint(whole ? 0 : range.length)
        if (!whole) this.groups.varint(range.offset)
      }
    }
  }

  finish(): Uint8Array[] {
    return [this.operations, this.paths, this.sizes, this.origins, this.groups].map((each) => each.finish())
  }

  #count(code: number): void {
    if (this.#run.code !== code) this.#flush()
    this.#run = { code, length: this.#run.length + 1 }
  }

  #flush(): void {
    if (this.#run.length > 0) this.operations.varint(this.#run.length * 4 + this.#run.code)
    this.#run = { code: OPERATIONS.keep, length: 0 }
  }

  #writeFile(file: PlannedFile, code: number, previousPath: string): void {
    this.#flush()
    const type = file.kind === 'symlink' ? 2 : file.executable ? 1 : 0
    const origin = ORIGINS.indexOf(file.origin.from)
    this.operations.varint((type + 3 * origin) * 4 + code)
    if (code === OPERATIONS.add) this.#writePath(Buffer.from(file.path), Buffer.from(previousPath))
    if (!('index' in file.origin)) {
      this.sizes.varint(file.size)
    } else {
      this.origins.signed(file.origin.index - this.#lastOrigin - 1)
      this.#lastOrigin = file.origin.index
    }
  }

  #writePath(path: Uint8Array, previous: Uint8Array): void {
    let shared = 0
    while (shared < path.length && path[shared] === previous[shared]) shared++
    this.paths.varint(shared)
    this.paths.string(path.subarray(shared))
  }
}

function isKept(file: PlannedFile, old: FileEntry, cursor: number): boolean {
  return (
    file.origin.from === 'base' &&
    file.origin.index === cursor &&
    file.kind === old.kind &&
    file.executable === old.executable
  )
}
