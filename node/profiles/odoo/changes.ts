// Which modules of a transaction Odoo has to upgrade (-u), and for which a restart is enough. Pure.
import { type PythonValue, parsePythonLiteral } from '../../../src/release/identity/python-literal.ts'
import type { Manifest } from '../../../src/release/manifest.ts'

export const MANIFEST_FILE = '__manifest__.py'

/** What differs between two file lists. */
export function changedPaths(before: Manifest, after: Manifest): string[] {
  const key = (entry: Manifest['entries'][number]) => `${entry.kind} ${entry.sha256}`
  const old = new Map(before.entries.map((entry) => [entry.path, key(entry)]))
  const fresh = new Map(after.entries.map((entry) => [entry.path, key(entry)]))
  return [...new Set([...old.keys(), ...fresh.keys()])].filter((path) => old.get(path) !== fresh.get(path))
}

/**
 * True when only what the web server hands out has changed: files under static/, and the version in the manifest. Everything
 * else may be in the database too.
 */
export function isStaticOnly(
  paths: readonly string[],
  manifests: { before: string; after: string } | null
): boolean {
  const other = paths.filter((path) => !path.startsWith('static/') && path !== MANIFEST_FILE)
  if (other.length > 0) return false
  if (!paths.includes(MANIFEST_FILE)) return true
  return manifests !== null && differsInVersionOnly(manifests.before, manifests.after)
}

function differsInVersionOnly(before: string, after: string): boolean {
  try {
    const [old, fresh] = [parsePythonLiteral(before), parsePythonLiteral(after)]
    if (!(old instanceof Map) || !(fresh instanceof Map)) return false
    return canonical(withoutVersion(old)) === canonical(withoutVersion(fresh))
  } catch {
    return false
  }
}

function withoutVersion(manifest: Map<string, PythonValue>): Map<string, PythonValue> {
  return new Map([...manifest].filter(([key]) => key !== 'version'))
}

function canonical(value: PythonValue): string {
  if (value instanceof Map) {
    const entries = [...value].sort(([a], [b]) => (a < b ? -1 : 1))
    return `{${entries.map(([key, inside]) => `${JSON.stringify(key)}:${canonical(inside)}`).join(',')}}`
  }
  if (Array.isArray(value)) return `[${value.map(canonical).join(',')}]`
  return JSON.stringify(value)
}

/** The version that a manifest says, or null when it cannot be read. */
export function versionIn(manifest: string): string | null {
  try {
    const found = parsePythonLiteral(manifest)
    const version = found instanceof Map ? found.get('version') : undefined
    return typeof version === 'string' ? version.trim() : null
  } catch {
    return null
  }
}
