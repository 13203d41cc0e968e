// Locks that hold between all programs of a machine, whatever their homes and users: a file in the system's folder for
// temporary files, locked for as long as the process lives or until it is released.
import { createHash } from 'node:crypto'
import { chmod, constants, open } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import FDLock from 'fd-lock'

export interface MachineLock {
  release(): Promise<void>
}

const openDescriptor = promisify(open)

/** Takes the lock that `key` names; null while another holds it. */
export async function lockOnMachine(key: string): Promise<MachineLock | null> {
  const descriptor = await lockFile(key)
  // another user's folder for temporary files that is closed to this one: nobody to agree with
  if (descriptor === null) return { release: async () => undefined }
  const lock = new FDLock(descriptor, { wait: false })
  try {
    await lock.ready()
  } catch {
    return null
  }
  return { release: () => lock.close() }
}

/** A bare descriptor, which the lock closes. Opened before created: kernels refuse to create what another user has. */
async function lockFile(key: string): Promise<number | null> {
  const name = createHash('sha256').update(key).digest('hex').slice(0, 32)
  const path = join(tmpdir(), `chasqui-${name}.lock`)
  const { O_RDWR, O_CREAT, O_EXCL, O_NOFOLLOW = 0 } = constants
  for (const flags of [O_RDWR | O_NOFOLLOW, O_RDWR | O_CREAT | O_EXCL, O_RDWR | O_NOFOLLOW]) {
    const descriptor = await openDescriptor(path, flags, 0o666).catch(() => null)
    if (descriptor === null) continue
    // for other users' programs; the creator's mask is not theirs
    if ((flags & O_CREAT) !== 0) await promisify(chmod)(path, 0o666).catch(() => undefined)
    return descriptor
  }
  return null
}
