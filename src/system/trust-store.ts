// The metadata that this machine has accepted, as files in one folder: unversioned names, bytes verbatim, each written
// durably and in the order in which the workflow gives them. Used by nodes, publishers and the TUF conformance client.
import { join } from 'node:path'
import { LIMITS } from '../trust/limits.ts'
import type { TrustStore } from '../trust/refresh.ts'
import { ensureDirectory, readFileLimited, writeFileDurably } from './durable.ts'
import type { FileSystem } from './file-system.ts'
import { realFileSystem } from './real-file-system.ts'

/** Root versions are kept in a folder of their own, so that the chain can be handed on. */
const ROOTS = 'roots'
const FILE_LIMIT = Math.max(...[LIMITS.rootBytes, LIMITS.snapshotBytes, LIMITS.targetsBytes])

/** A store in `directory`, which is created when the first file is written. */
export function openTrustStore(directory: string, fs: FileSystem = realFileSystem): TrustStore {
  return {
    async load() {
      const files = new Map<string, Uint8Array>()
      for (const name of await jsonNames(fs, directory)) {
        const bytes = await readFileLimited(fs, join(directory, name), FILE_LIMIT)
        if (bytes !== null) files.set(name, bytes)
      }
      return files
    },
    async save(changes) {
      await ensureDirectory(fs, directory, 0o700)
      for (const [name, bytes] of changes) {
        const path = join(directory, ...name.split('/'))
        if (bytes === null) await removeFile(fs, path)
        else await writeInto(fs, directory, name, bytes)
      }
    }
  }
}

/** Every root version that was kept, by number: what is handed on by gossip and stick. */
export async function readRootChain(
  directory: string,
  fs: FileSystem = realFileSystem
): Promise<Map<number, Uint8Array>> {
  const chain = new Map<number, Uint8Array>()
  for (const name of await jsonNames(fs, join(directory, ROOTS))) {
    const version = Number(/^(\d+)\.root\.json$/.exec(name)?.[1])
    const bytes = await readFileLimited(fs, join(directory, ROOTS, name), LIMITS.rootBytes)
    if (Number.isSafeInteger(version) && bytes !== null) chain.set(version, bytes)
  }
  return new Map([...chain].sort(([a], [b]) => a - b))
}

async function writeInto(fs: FileSystem, directory: string, name: string, bytes: Uint8Array): Promise<void> {
  if (name.startsWith(`${ROOTS}/`)) await ensureDirectory(fs, join(directory, ROOTS), 0o700)
  await writeFileDurably(fs, join(directory, ...name.split('/')), bytes)
}

async function removeFile(fs: FileSystem, path: string): Promise<void> {
  if ((await fs.stat(path)) === null) return
  await fs.remove(path)
  await fs.syncDirectory(join(path, '..'))
}

async function jsonNames(fs: FileSystem, directory: string): Promise<string[]> {
  const found = await fs.stat(directory)
  if (found?.kind !== 'directory') return []
  const names = (await fs.list(directory)).filter((name) => name.endsWith('.json'))
  const isFile = await Promise.all(
    names.map(async (name) => (await fs.stat(join(directory, name)))?.kind === 'file')
  )
  return names.filter((_, i) => isFile[i])
}
