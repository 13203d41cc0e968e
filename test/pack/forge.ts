// Packs that are consistent with themselves and hostile all the same: made by hand, signed like any other.
import { constants, zstdCompressSync } from 'node:zlib'
import type { ErrorCode } from '../../src/errors.ts'
import { encodeIndex } from '../../src/pack/index-encode.ts'
import { MAGIC, trailer } from '../../src/pack/layout.ts'
import { PACK_LIMITS } from '../../src/pack/limits.ts'
import type { PackIndex, PlannedFile } from '../../src/pack/pack-index.ts'
import { type Manifest, makeManifest } from '../../src/release/manifest.ts'
import { type MadePack, stepOf } from './fixtures.ts'

/** A pack as an attacker with a release key could sign it. */
export interface Forged {
  files: PlannedFile[]
  content?: Uint8Array
  groups?: PackIndex['groups']
  rawIndexLength?: number
}

/** A file whose content is in the pack. */
export const coded = (path: string, size = 1, more: Partial<PlannedFile> = {}): PlannedFile => ({
  path,
  kind: 'file',
  executable: false,
  size,
  origin: { from: 'coded' },
  ...more
})

/** A full pack whose parts are consistent with one another, whatever they say. */
export function forge(forged: Forged): MadePack {
  const { files, content, rawIndexLength } = forged
  const groups = forged.groups ?? groupsFor(forged)
  const bytes = content ?? Buffer.alloc(files.reduce((sum, file) => sum + file.size, 0))
  const frame = zstdCompressSync(bytes, { params: { [constants.ZSTD_c_compressionLevel]: 1 } })
  const manifest = claimOf(files, bytes)
  const index = {
    root: stepOf(Buffer.alloc(0), manifest).files.root,
    baseRoot: null,
    files,
    groups: groups ?? [
      { method: 'zstd' as const, rawLength: bytes.length, frameLength: frame.length, ranges: [] }
    ]
  }
  const raw = encodeIndex(index, null)
  const packed = zstdCompressSync(raw)
  const pack = Buffer.concat([MAGIC, frame, packed, trailer(packed.length, rawIndexLength ?? raw.length)])
  const claim = {
    root: index.root,
    count: files.length,
    bytes: files.reduce((sum, file) => sum + file.size, 0)
  }
  return { bytes: pack, step: { ...stepOf(pack, { entries: [] }), files: claim } }
}

function claimOf(files: PlannedFile[], content: Uint8Array): Manifest {
  let position = 0
  try {
    return makeManifest(
      files.map(({ path, kind, size, executable }) => {
        const bytes = content.subarray(position, position + size)
        position += size
        return { path, kind, size, executable, sha256: stepOf(bytes, { entries: [] }).pack.sha256 }
      })
    )
  } catch {
    return { entries: [] }
  }
}

/** What the index says of the one group, when the content is not what the files need. */
function groupsFor({ files, content }: Forged): PackIndex['groups'] | null {
  const size = files.reduce((sum, file) => sum + file.size, 0)
  if (size === 0) return []
  if (content === undefined || content.length === size || size > PACK_LIMITS.groupBytes) return null
  const frame = zstdCompressSync(content, { params: { [constants.ZSTD_c_compressionLevel]: 1 } })
  return [{ method: 'zstd', rawLength: size, frameLength: frame.length, ranges: [] }]
}

export const link = (path: string, target: string) => coded(path, target.length, { kind: 'symlink' })
const linkTo = (target: string, ...more: PlannedFile[]): Forged => ({
  files: [link('link', target), ...more],
  content: Buffer.from(target + 'x'.repeat(more.reduce((sum, file) => sum + file.size, 0)))
})
const many = (count: number) =>
  Array.from({ length: count }, (_, i) => coded(`f${String(i).padStart(7, '0')}`, 0))

/** Each refused with its code, before or while it is read. */
export const HOSTILE: [what: string, code: ErrorCode, forged: Forged][] = [
  ['path that leads out', 'PATH_INVALID', { files: [coded('../out')] }],
  ['absolute path', 'PATH_INVALID', { files: [coded('/etc/x')] }],
  ['stream of another file', 'PATH_UNPORTABLE', { files: [coded('x:ads')] }],
  ['device name', 'PATH_UNPORTABLE', { files: [coded('NUL')] }],
  ['two spellings of one path', 'PATH_COLLISION', { files: [coded('Foo'), coded('foo')] }],
  ['a file beneath a file', 'PATH_BENEATH_FILE', { files: [coded('a'), coded('a/b')] }],
  ['a file beneath a symlink', 'PATH_BENEATH_FILE', { files: [link('a', '..'), coded('a/pwn.txt', 1)] }],
  ['path twice', 'PACK_DAMAGED', { files: [coded('a'), coded('a')] }],
  ['paths out of order', 'PACK_DAMAGED', { files: [coded('b'), coded('a')] }],
  ['symlink that leads out', 'SYMLINK_REFUSED', linkTo('../out')],
  ['symlink that leads out in a detour', 'SYMLINK_REFUSED', linkTo('x/../../out', coded('x/y'))],
  ['absolute symlink', 'SYMLINK_REFUSED', linkTo('/etc/passwd')],
  ['dangling symlink', 'SYMLINK_REFUSED', linkTo('nowhere')],
  [
    'symlink to a symlink',
    'SYMLINK_REFUSED',
    { files: [link('a', 'b'), link('b', 'c'), coded('c')], content: Buffer.from('bcx') }
  ],
  ['symlink to a drive', 'SYMLINK_REFUSED', linkTo('C:x')],
  ['symlink without a target', 'PACK_DAMAGED', { files: [link('a', ''), coded('b')] }],
  ['a million files', 'PACK_LIMIT', { files: many(PACK_LIMITS.entries + 1) }],
  ['a file beyond all size', 'PACK_DAMAGED', { files: [coded('a', 2 ** 41)], content: Buffer.alloc(1) }],
  [
    'a terabyte of zeros',
    'PACK_LIMIT',
    {
      files: [coded('a', 2 ** 40)],
      content: Buffer.alloc(1),
      groups: [{ method: 'zstd', rawLength: 2 ** 40, frameLength: 1, ranges: [] }]
    }
  ],
  [
    'groups that do not add up',
    'PACK_DAMAGED',
    {
      files: [coded('a', 10)],
      content: Buffer.alloc(10),
      groups: [{ method: 'zstd', rawLength: 9, frameLength: 100, ranges: [] }]
    }
  ],
  ['index that claims more than is allowed', 'PACK_LIMIT', { files: [coded('a')], rawIndexLength: 2 ** 31 }],
  ['index that is longer than it claims', 'PACK_DAMAGED', { files: [coded('a')], rawIndexLength: 5 }],
  [
    'more content than it claims (a bomb)',
    'PACK_DAMAGED',
    { files: [coded('a', 10)], content: Buffer.alloc(30_000_000) }
  ],
  [
    'less content than it claims',
    'PACK_DAMAGED',
    { files: [coded('a', 1_000_000)], content: Buffer.alloc(10) }
  ]
]
