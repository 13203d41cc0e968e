// What a tree may hold, read from docs/FORMAT.md 2 and 4.7 alone: order, sizes and symlinks. It shares no code with src.
import { checkPaths } from './manifest-reader.ts'
import { demand } from './refused.ts'

interface Placed {
  kind: 'f' | 'x' | 'l'
  path: string
  size: number
}

/** Before any content is read. A size of null is that of a base's entry. */
export function checkTree(entries: readonly Placed[]): void {
  for (const [i, { kind, path, size }] of entries.entries()) {
    const before = entries[i - 1]?.path
    const ascends = before === undefined || Buffer.compare(Buffer.from(before), Buffer.from(path)) < 0
    demand(ascends && size <= (kind === 'l' ? 1024 : 2 ** 40), 'PACK_DAMAGED')
  }
  const total = entries.reduce((sum, { size }) => sum + size, 0)
  demand(entries.length <= 250_000 && total <= 2 ** 40, 'PACK_LIMIT')
  checkPaths(entries.map(({ path }) => path))
}

/** FORMAT 2.4 */
export function checkSymlinks(entries: readonly { kind: string; path: string; content: Buffer }[]): void {
  const kinds = new Map(entries.map(({ path, kind }) => [path, kind]))
  const folders = new Set(entries.flatMap(({ path }) => aroundOf(path)))
  for (const { kind, path, content } of entries) {
    if (kind !== 'l') continue
    demand(content.length > 0, 'PACK_DAMAGED')
    const end = follow(path, content.toString('utf8'), folders)
    const isFile = ['f', 'x'].includes(kinds.get(end ?? '') ?? '')
    const isFolder = end !== null && folders.has(end) && !aroundOf(path).includes(end)
    demand(isFile || isFolder, 'SYMLINK_REFUSED')
  }
}

/** The folders around a path, the root of the release ('') too. */
function aroundOf(path: string): string[] {
  const names = path.split('/')
  return names.map((_, i) => names.slice(0, i).join('/'))
}

/** Where a target leads, name by name; null when that is nowhere in the release. */
function follow(path: string, target: string, folders: ReadonlySet<string>): string | null {
  if (/[\\:]/.test(target)) return null
  let at = path.split('/').slice(0, -1)
  for (const name of target.split('/')) {
    if (name === '' || name === '.' || !folders.has(at.join('/'))) return null
    if (name === '..' && at.length === 0) return null
    at = name === '..' ? at.slice(0, -1) : [...at, name]
  }
  return at.join('/')
}
