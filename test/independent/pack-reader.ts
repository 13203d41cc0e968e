// A second reader of packs, written from docs/FORMAT.md 2 and 4 alone. It shares no code with src and is as plain as it can
// be: whole packs in memory; a fault that has no code of its own is an Error, and means PACK_DAMAGED.
import { createHash } from 'node:crypto'
import { Column, patch, unzstd } from './pack-parts.ts'
import { demand } from './refused.ts'
import { checkSymlinks, checkTree } from './tree-rules.ts'

export interface Entry {
  kind: 'f' | 'x' | 'l'
  path: string
  content: Buffer
}

/** A tree as a list of entries in path order. */
export type Entries = Entry[]

const MIB = 2 ** 20
const sha256 = (bytes: Uint8Array) => createHash('sha256').update(bytes).digest('hex')

// FORMAT 2.1
export function rootOf(entries: Entries): string {
  const lines = entries.map(
    ({ kind, path, content }) => `${kind} ${sha256(content)} ${content.length} ${path}\n`
  )
  return sha256(Buffer.from(`chasqui-manifest 1\n${lines.join('')}`))
}

export function inOrder(entries: Entries): Entries {
  return [...entries].sort((a, b) => Buffer.compare(Buffer.from(a.path), Buffer.from(b.path)))
}

interface Planned {
  kind: 'f' | 'x' | 'l'
  path: Buffer
  /** content that is known already */
  known: Buffer | null
  twin: number | null
  part: 0 | 3 | null
  size: number
}

/** What release.json says of a pack. */
export interface SignedPack {
  sha256: string
  files: { root: string; count: number; bytes: number }
}

/** The tree of a pack that was signed, by FORMAT 4 as a whole; `base` is null when there is none. */
export function readSignedPack(pack: Buffer, signed: SignedPack, base: Entries | null): Entries {
  if (sha256(pack) !== signed.sha256) throw new Error('another pack')
  const entries = readPack(pack, base)
  const bytes = entries.reduce((sum, { content }) => sum + content.length, 0)
  const { root, count, bytes: total } = signed.files
  if (rootOf(entries) !== root || entries.length !== count || bytes !== total)
    throw new Error('another release')
  return entries
}

/** The tree of a pack; of what was signed it knows nothing. */
export function readPack(pack: Buffer, base: Entries | null): Entries {
  // FORMAT 4.1
  const end = pack.length
  if (pack.toString('latin1', 0, 8) !== 'CHASQPK1') throw new Error('no pack')
  if (pack.toString('latin1', end - 8) !== 'CHASQIX1') throw new Error('no index')
  const [packed, length] = [pack.readUInt32LE(end - 16), pack.readUInt32LE(end - 12)]
  demand(length <= 48 * MIB, 'PACK_LIMIT')
  const paths = base === null ? null : [Buffer.from(base.map((entry) => `${entry.path}\n`).join(''))]
  const index = new Column(unzstd(pack.subarray(end - 16 - packed, end - 16), paths, length))
  // FORMAT 4.4
  const isDelta = index.varint() === 1
  const root = index.take(32).toString('hex')
  demand(isDelta === (base !== null), 'PACK_WRONG_BASE')
  demand(base === null || index.take(32).toString('hex') === rootOf(base), 'PACK_WRONG_BASE')
  const columns = [0, 1, 2, 3, 4].map(() => index.column()) as [Column, Column, Column, Column, Column]
  const planned = readOperations(columns, base ?? [])
  checkTree(
    planned.map((one) => ({ kind: one.kind, path: one.path.toString('utf8'), size: sizeOf(one, planned) }))
  )
  const content = readGroups(columns[4], pack.subarray(8, end - 16 - packed), base ?? [])
  for (const column of [index, ...columns]) if (column.more) throw new Error('bytes that are left')
  const entries = fill(planned, content)
  checkSymlinks(entries)
  if (rootOf(entries) !== root) throw new Error('another root')
  return entries
}

function sizeOf({ known, twin, size }: Planned, planned: readonly Planned[]): number {
  return twin === null ? (known?.length ?? size) : (planned[twin] as Planned).size
}

function readOperations(
  [operations, paths, sizes, origins]: [Column, Column, Column, Column, Column],
  base: Entries
) {
  const planned: Planned[] = []
  let cursor = 0
  let last = -1
  while (operations.more) {
    const operation = operations.varint()
    const [code, d] = [operation % 4, Math.floor(operation / 4)]
    if (code < 2) {
      for (const entry of base.slice(cursor, cursor + d)) {
        const { kind, content } = entry
        if (code === 0) {
          planned.push({
            kind,
            path: Buffer.from(entry.path),
            known: content,
            twin: null,
            part: null,
            size: content.length
          })
        }
      }
      cursor += d
      continue
    }
    const kind = (['f', 'x', 'l'] as const)[d % 3] as 'f' | 'x' | 'l'
    const origin = Math.floor(d / 3)
    const before = planned.at(-1)?.path ?? Buffer.alloc(0)
    const path =
      code === 2
        ? Buffer.from((base[cursor++] as Entry).path)
        : Buffer.concat([before.subarray(0, paths.varint()), paths.column().bytes])
    if (origin === 0 || origin === 3) {
      planned.push({ kind, path, known: null, twin: null, part: origin, size: sizes.varint() })
    } else {
      last = last + 1 + origins.signed()
      const known = origin === 1 ? (base[last] as Entry).content : null
      planned.push({ kind, path, known, twin: origin === 2 ? last : null, part: null, size: 0 })
    }
  }
  if (cursor !== base.length) throw new Error('old entries that are left')
  return planned
}

function readGroups(column: Column, frames: Buffer, base: Entries): Buffer {
  const contents: Buffer[] = []
  let at = 0
  let last = -1
  for (let count = column.varint(); count > 0; count--) {
    const head = column.varint()
    const frame = frames.subarray(at, at + column.varint())
    at += frame.length
    const old: Buffer[] = []
    for (let ranges = column.varint(); ranges > 0; ranges--) {
      last = last + 1 + column.signed()
      const { content } = base[last] as Entry
      const length = column.varint()
      const offset = length === 0 ? 0 : column.varint()
      old.push(length === 0 ? content : content.subarray(offset, offset + length))
    }
    const length = Math.floor(head / 4)
    demand(length <= (head % 4 === 0 ? 32 : 256) * MIB, 'PACK_LIMIT')
    contents.push(
      head % 4 === 0
        ? unzstd(frame, old.length === 0 ? null : old, length)
        : patch(frame, Buffer.concat(old), length)
    )
  }
  if (at !== frames.length) throw new Error('frames that are left')
  return Buffer.concat(contents)
}

// FORMAT 4.5
function fill(planned: Planned[], content: Buffer): Entries {
  let at = 0
  for (const part of [0, 3]) {
    for (const file of planned) {
      if (file.part !== part) continue
      file.known = content.subarray(at, at + file.size)
      at += file.size
    }
  }
  if (at !== content.length) throw new Error('content that is left')
  return planned.map(({ kind, path, known, twin }) => ({
    kind,
    path: path.toString('utf8'),
    content: known ?? (planned[twin as number]?.known as Buffer)
  }))
}
