// A second reader of manifests and paths, written from docs/FORMAT.md 2 alone. It shares no code with src.
import { createHash } from 'node:crypto'
import { demand, refuse } from './refused.ts'

/** FORMAT 2.1: the root, or a refusal. */
export function readManifest(bytes: Buffer): string {
  demand(bytes.length <= 64 * 2 ** 20, 'MANIFEST_INVALID')
  const lines = decode(bytes).split('\n')
  demand(lines.shift() === 'chasqui-manifest 1' && lines.pop() === '', 'MANIFEST_INVALID')
  demand(lines.length <= 250_000, 'MANIFEST_INVALID')
  const paths = lines.map(pathOf)
  for (const [i, path] of paths.entries()) {
    const before = paths[i - 1]
    const ascends = before === undefined || Buffer.compare(Buffer.from(before), Buffer.from(path)) < 0
    demand(ascends, 'MANIFEST_INVALID')
  }
  checkPaths(paths)
  return createHash('sha256').update(bytes).digest('hex')
}

function decode(bytes: Buffer): string {
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes)
  } catch {
    return refuse('MANIFEST_INVALID')
  }
}

function pathOf(line: string): string {
  const [, kind, size, path] = /^([fxl]) [0-9a-f]{64} (0|[1-9][0-9]*) (.+)$/.exec(line) ?? []
  const most = kind === 'l' ? 1024 : 2 ** 40
  const least = kind === 'l' ? 1 : 0
  demand(path !== undefined && Number(size) >= least && Number(size) <= most, 'MANIFEST_INVALID')
  return path as string
}

const HIDDEN = /[\p{Cc}\p{Cs}\u00ad\u061c\u180e\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufff9-\uffff]/u
const DEVICE = /^(CON|PRN|AUX|NUL|CONIN\$|CONOUT\$|CLOCK\$|(COM|LPT)[0-9¹²³]) *(\.|$)/i

/** FORMAT 2.2: one path after the other, then all together. */
export function checkPaths(paths: readonly string[]): void {
  for (const path of paths) checkPath(path)
  const files = new Set(paths)
  const folders = new Set(paths.flatMap(foldersOf))
  const spellings = new Map<string, string>()
  for (const path of [...files, ...folders]) {
    const other = spellings.get(fold(path)) ?? path
    demand(other === path, 'PATH_COLLISION')
    spellings.set(fold(path), path)
  }
  for (const path of files) demand(!folders.has(path), 'PATH_BENEATH_FILE')
}

function checkPath(path: string): void {
  const names = path.split('/')
  const isClean = !HIDDEN.test(path) && !path.includes('\\') && path === path.normalize('NFC')
  demand(isClean && names.every((name) => !['', '.', '..'].includes(name)), 'PATH_INVALID')
  for (const name of names) {
    const isShortAlias = /^[^.]{1,6}~[0-9]+(\.[^.]{0,3})?$/.test(name)
    const isPortable = !/[<>:"|?*]/.test(name) && !/[. ]$/.test(name) && !DEVICE.test(name)
    demand(isPortable && !isShortAlias, 'PATH_UNPORTABLE')
  }
  const isShort = path.length <= 240 && names.length <= 64
  demand(isShort && names.every((name) => Buffer.byteLength(name) <= 200), 'PATH_TOO_LONG')
}

function foldersOf(path: string): string[] {
  const names = path.split('/')
  return names.slice(1).map((_, i) => names.slice(0, i + 1).join('/'))
}

function fold(path: string): string {
  const once = (text: string) => text.toUpperCase().toLowerCase()
  return once(once(path.normalize('NFD')).normalize('NFD'))
}
