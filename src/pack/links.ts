// Symlinks in releases (FORMAT 2.4): a directory release may carry relative ones that lead to a file or folder of the same
// release, without passing through another symlink; an overlay carries none, because what lies around it is not ours.
import { posix } from 'node:path'
import { ChasquiError } from '../errors.ts'
import type { FileEntry, Manifest } from '../release/manifest.ts'
import { checkPath } from '../release/path-policy.ts'

/** Throws SYMLINK_REFUSED unless each link's target (by path) is allowed. */
export function checkLinkTargets(
  manifest: Manifest,
  targetOf: ReadonlyMap<string, string>,
  kind: 'directory' | 'overlay'
): void {
  const places = new Places(manifest)
  for (const entry of manifest.entries) {
    if (entry.kind !== 'symlink') continue
    if (kind === 'overlay') throw refuse(entry, 'an overlay release carries no symlinks')
    checkTarget(entry, targetOf.get(entry.path) ?? '', places)
  }
}

function checkTarget(entry: FileEntry, target: string, places: Places): void {
  if (/[\\\0:]/.test(target) || target === '' || posix.isAbsolute(target)) {
    throw refuse(entry, 'its target is not a relative path')
  }
  // every step on the way must stay inside and be a real folder: "a/../b" through a missing or linked "a" is another place
  const names = [...entry.path.split('/').slice(0, -1)]
  const steps = target.replace(/\/+$/, '').split('/')
  for (const [i, step] of steps.entries()) {
    if (step === '' || step === '.') throw refuse(entry, 'its target is not a clean path')
    if (step === '..') {
      if (names.pop() === undefined) throw refuse(entry, 'its target lies outside the module')
    } else {
      names.push(step)
    }
    if (i < steps.length - 1 && names.length > 0 && !places.isFolder(names.join('/'))) {
      throw refuse(entry, 'its target is not in the release')
    }
  }
  const place = names.join('/')
  if (place === '' || places.isFolder(place)) {
    if (`${entry.path}/`.startsWith(place === '' ? '' : `${place}/`))
      throw refuse(entry, 'it leads to a folder around itself')
    return
  }
  checkPath(place)
  if (!places.isFile(place)) throw refuse(entry, 'its target is not in the release, or is a symlink itself')
}

class Places {
  readonly #files: Set<string>
  readonly #folders = new Set<string>()

  constructor(manifest: Manifest) {
    this.#files = new Set(manifest.entries.flatMap((entry) => (entry.kind === 'file' ? entry.path : [])))
    for (const { path } of manifest.entries) {
      for (let end = path.lastIndexOf('/'); end > 0; end = path.lastIndexOf('/', end - 1)) {
        if (this.#folders.has(path.slice(0, end))) break
        this.#folders.add(path.slice(0, end))
      }
    }
  }

  isFile(path: string): boolean {
    return this.#files.has(path)
  }

  isFolder(path: string): boolean {
    return this.#folders.has(path)
  }
}

function refuse(entry: FileEntry, why: string): ChasquiError {
  return new ChasquiError('SYMLINK_REFUSED', `the symlink ${entry.path} cannot be in a release: ${why}`, {
    hint: 'put a real file there, or leave it out with .chasquiignore'
  })
}
