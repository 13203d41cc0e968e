// What changed from one file list to another: added, modified, deleted, and renamed (same content under another path).
import { contentKey, type FileEntry, type Manifest } from './manifest.ts'

export interface ManifestDiff {
  added: FileEntry[]
  modified: { from: FileEntry; to: FileEntry }[]
  deleted: FileEntry[]
  renamed: { from: FileEntry; to: FileEntry }[]
}

/** Differences from `before` to `after`, each list in path order. A rename is neither in added nor in deleted. */
export function diffManifests(before: Manifest, after: Manifest): ManifestDiff {
  const old = new Map(before.entries.map((entry) => [entry.path, entry]))
  const present = new Set(after.entries.map((entry) => entry.path))
  const gone = before.entries.filter((entry) => !present.has(entry.path))
  const modified = after.entries.flatMap((to) => {
    const from = old.get(to.path)
    return from === undefined || sameEntry(from, to) ? [] : [{ from, to }]
  })
  const fresh = after.entries.filter((entry) => !old.has(entry.path))
  const renamed = pairRenames(gone, fresh)
  const [moved, arrived] = [
    new Set(renamed.map(({ from }) => from.path)),
    new Set(renamed.map(({ to }) => to.path))
  ]
  return {
    added: fresh.filter((entry) => !arrived.has(entry.path)),
    modified,
    deleted: gone.filter((entry) => !moved.has(entry.path)),
    renamed
  }
}

function pairRenames(
  gone: readonly FileEntry[],
  fresh: readonly FileEntry[]
): { from: FileEntry; to: FileEntry }[] {
  const byContent = new Map<string, FileEntry[]>()
  for (const entry of gone) {
    if (entry.size > 0) byContent.set(contentKey(entry), [...(byContent.get(contentKey(entry)) ?? []), entry])
  }
  return fresh.flatMap((to) => {
    const from = byContent.get(contentKey(to))?.shift()
    return from === undefined ? [] : [{ from, to }]
  })
}

/** Same content, kind and executable bit (the path is not compared). */
function sameEntry(a: FileEntry, b: FileEntry): boolean {
  return a.sha256 === b.sha256 && a.kind === b.kind && a.executable === b.executable && a.size === b.size
}
