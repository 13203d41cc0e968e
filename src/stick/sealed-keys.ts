// Sealed keys of a fleet's newer feed on a stick: grants/feed-<fleet>-<generation>-<n>.bin, some hundred grants in each file.
// They come before the feed itself, so that a branch which only ever sees sticks moves, and imports, in one round.
import { listStick, readStickHint, type StickFolder, writeStickBytes } from './folder.ts'
import type { StickKeys } from './home.ts'

/** FORMAT 12.10 */
const LIMITS = { file: 256 * 1024, grant: 8192, files: 1000 } as const // bytes, bytes, files of one fleet
const IN_ONE_FILE = 400 // grants

/** Shows the home every file of sealed keys; returns whether it moved to another feed. */
export async function takeKeys(folder: StickFolder, fleet: string, keys: StickKeys): Promise<boolean> {
  const start = namePrefix(fleet)
  const names = (await listStick(folder, ['grants'])).filter(
    (name) => name.startsWith(start) && name.endsWith('.bin')
  )
  const grants: Uint8Array[] = []
  for (const name of names.sort().slice(0, LIMITS.files)) {
    const bytes = await readStickHint(folder, ['grants', name], LIMITS.file)
    if (bytes !== null) grants.push(...split(bytes))
  }
  return grants.length === 0 ? false : keys.take(grants)
}

/** Puts the home's sealed keys on the stick; nothing for a fleet that never had another feed. */
export async function giveKeys(folder: StickFolder, fleet: string, keys: StickKeys): Promise<void> {
  const { generation, grants } = await keys.list()
  for (let n = 0; n * IN_ONE_FILE < grants.length; n++) {
    const bytes = join(grants.slice(n * IN_ONE_FILE, (n + 1) * IN_ONE_FILE))
    const path = ['grants', `${namePrefix(fleet)}${generation}-${n}.bin`]
    const there = await readStickHint(folder, path, LIMITS.file)
    if (there === null || !Buffer.from(there).equals(bytes)) await writeStickBytes(folder, path, bytes)
  }
}

function namePrefix(fleet: string): string {
  return `feed-${fleet.slice(0, 16)}-`
}

function join(grants: readonly Uint8Array[]): Buffer {
  const parts = grants.flatMap((grant) => {
    const size = Buffer.alloc(2)
    size.writeUInt16LE(grant.length)
    return [size, grant]
  })
  return Buffer.concat(parts)
}

/** What is whole in a file; the rest is left out. */
function split(file: Uint8Array): Uint8Array[] {
  const bytes = Buffer.from(file)
  const grants: Uint8Array[] = []
  for (let at = 0; at + 2 <= bytes.length; ) {
    const end = at + 2 + bytes.readUInt16LE(at)
    if (end > bytes.length || end - at > LIMITS.grant) break
    grants.push(bytes.subarray(at + 2, end))
    at = end
  }
  return grants
}
