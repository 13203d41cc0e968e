// The file list of a release (FORMAT 2): canonical text, whose SHA-256 is the root hash that release.json signs.
// Nothing here reads files.
import { hash } from 'node:crypto'
import { z } from 'zod'
import { ChasquiError } from '../errors.ts'
import { checkPaths } from './path-policy.ts'

export interface FileEntry {
  /** '/'-separated, NFC, relative to the module */
  path: string
  kind: 'file' | 'symlink'
  /** bytes of the content; of a symlink, of its target text */
  size: number
  executable: boolean
  /** hex, of the content; of a symlink, of its target text */
  sha256: string
}

export interface Manifest {
  /** sorted by path, as UTF-8 bytes */
  entries: readonly FileEntry[]
}

export const MANIFEST_LIMITS = {
  entries: 250_000, // files
  bytes: 64 * 1024 * 1024, // of the text
  fileSize: 2 ** 40, // bytes of one file
  linkSize: 1024 // bytes of a symlink's target
} as const

const HEADER = 'chasqui-manifest 1'
const LINE = /^([fxl]) ([0-9a-f]{64}) (0|[1-9]\d{0,12}) (.+)$/
const HASH = z.string().regex(/^[0-9a-f]{64}$/)

/** Orders two paths by their UTF-8 bytes. */
export function comparePaths(a: string, b: string): number {
  const length = Math.min(a.length, b.length)
  for (let i = 0; i < length; i++) {
    const [x, y] = [a.charCodeAt(i), b.charCodeAt(i)]
    // surrogates encode characters above all others, but their code units lie below U+E000
    if (x !== y) return isSurrogate(x) === isSurrogate(y) ? x - y : isSurrogate(x) ? 1 : -1
  }
  return a.length - b.length
}

function isSurrogate(unit: number): boolean {
  return unit >= 0xd800 && unit <= 0xdfff
}

/** A manifest of these entries, sorted and checked. Throws PATH_* and MANIFEST_INVALID. */
export function makeManifest(entries: readonly FileEntry[]): Manifest {
  const sorted = [...entries].sort((a, b) => comparePaths(a.path, b.path))
  if (sorted.length > MANIFEST_LIMITS.entries) throw invalid(`it has ${sorted.length} files`)
  checkPaths(sorted.map((entry) => entry.path))
  for (const entry of sorted) checkEntry(entry)
  return { entries: sorted }
}

function checkEntry(entry: FileEntry): void {
  const limit = entry.kind === 'symlink' ? MANIFEST_LIMITS.linkSize : MANIFEST_LIMITS.fileSize
  if (!Number.isSafeInteger(entry.size) || entry.size < 0 || entry.size > limit) {
    throw invalid(`the size of ${entry.path} is out of range`)
  }
  if (!HASH.safeParse(entry.sha256).success) throw invalid(`the hash of ${entry.path} is not one`)
  if (entry.kind === 'symlink' && (entry.executable || entry.size === 0)) {
    throw invalid(`${entry.path} is a symlink with an executable bit or without a target`)
  }
}

/** Canonical text, UTF-8. */
export function encodeManifest(manifest: Manifest): Uint8Array {
  const lines = manifest.entries.map(
    (entry) => `${letterOf(entry)} ${entry.sha256} ${entry.size} ${entry.path}\n`
  )
  return Buffer.from(`${HEADER}\n${lines.join('')}`)
}

function letterOf(entry: FileEntry): 'f' | 'x' | 'l' {
  if (entry.kind === 'symlink') return 'l'
  return entry.executable ? 'x' : 'f'
}

/** Hex SHA-256 of the canonical text. */
export function manifestRoot(manifest: Manifest): string {
  return hash('sha256', encodeManifest(manifest), 'hex')
}

/** Sum of the sizes of all entries, bytes. */
export function manifestBytes(manifest: Manifest): number {
  return manifest.entries.reduce((sum, entry) => sum + entry.size, 0)
}

/** Reads canonical text; anything that encodeManifest would not write is refused. Throws MANIFEST_INVALID, PATH_*. */
export function parseManifest(bytes: Uint8Array): Manifest {
  if (bytes.length > MANIFEST_LIMITS.bytes) throw invalid('it is too large')
  const lines = decodeText(bytes).split('\n')
  if (lines[0] !== HEADER || lines.at(-1) !== '') throw invalid('it has no header or no last line end')
  if (lines.length - 2 > MANIFEST_LIMITS.entries) throw invalid(`it has ${lines.length - 2} files`)
  const entries = lines.slice(1, -1).map(parseLine)
  for (let i = 1; i < entries.length; i++) {
    const [before, entry] = [entries[i - 1] as FileEntry, entries[i] as FileEntry]
    if (comparePaths(before.path, entry.path) >= 0) throw invalid('it is not sorted')
  }
  return makeManifest(entries)
}

function parseLine(line: string, index: number): FileEntry {
  const match = LINE.exec(line)
  if (match === null) throw invalid(`line ${index + 2} is not a file`)
  const [, letter, sha256 = '', size, path = ''] = match
  return {
    path,
    kind: letter === 'l' ? 'symlink' : 'file',
    size: Number(size),
    executable: letter === 'x',
    sha256
  }
}

function decodeText(bytes: Uint8Array): string {
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes)
  } catch (cause) {
    throw new ChasquiError('MANIFEST_INVALID', 'the file list is not UTF-8', { cause })
  }
}

function invalid(why: string): ChasquiError {
  return new ChasquiError('MANIFEST_INVALID', `the file list is not valid: ${why}`, {
    hint: 'get the release again; if it stays so, ask the publisher'
  })
}

/** The same for entries of the same kind and content, wherever they are. */
export function contentKey(entry: FileEntry): string {
  return `${entry.kind} ${entry.sha256}`
}
