// One program at a time works on a stick: a publisher's and a node's daemon on one machine both see it appear. Who waits
// stands in a queue of one, so that the program before it does not call the stick safe to remove.
import { setTimeout as delay } from 'node:timers/promises'
import { ChasquiError } from '../errors.ts'
import type { FileSystem } from '../system/file-system.ts'
import type { MachineLock } from '../system/machine-lock.ts'
import { stopIfCancelled } from './cancel.ts'

export interface ClaimTools {
  fs: FileSystem
  now(): number
  /** a lock of the machine; null while another program holds it */
  lock(key: string): Promise<MachineLock | null>
}

const POLL = 100 // milliseconds

/**
 * Does `work` while no other program works on the stick at `place`. `patience`: milliseconds to wait for the others.
 * `safeToRemove` in the result is false when another waits. Throws STICK_BUSY, CANCELLED, and what `work` throws.
 */
export async function withStick<T extends object>(
  tools: ClaimTools,
  place: string,
  patience: number,
  signal: AbortSignal,
  work: () => Promise<T>
): Promise<T & { safeToRemove: boolean }> {
  const key = await keyOf(tools.fs, place)
  const next = await waitFor(tools, `${key} next`, patience, signal)
  const claim = await waitFor(tools, key, patience, signal).finally(() => next.release())
  try {
    const result = await work()
    const turn = await tools.lock(`${key} next`)
    await turn?.release()
    return { ...result, safeToRemove: turn !== null }
  } finally {
    await claim.release()
  }
}

/**
 * True when no program works on the stick at `place` or waits for it. Who works looks at its end for those who wait: that is not to
 * find this look, which therefore takes the stick first.
 */
export async function isUnclaimed(tools: ClaimTools, place: string): Promise<boolean> {
  const key = await keyOf(tools.fs, place)
  const claim = await tools.lock(key)
  if (claim === null) return false
  const next = await tools.lock(`${key} next`)
  await next?.release()
  await claim.release()
  return next !== null
}

/** The same for every program that reaches the same folder of the same drive. */
async function keyOf(fs: FileSystem, place: string): Promise<string> {
  const found = await fs.stat(`${place}/.`)
  return `stick ${found?.device} ${found?.inode}`
}

async function waitFor(
  tools: ClaimTools,
  key: string,
  patience: number,
  signal: AbortSignal
): Promise<MachineLock> {
  const since = tools.now()
  for (;;) {
    stopIfCancelled(signal)
    const lock = await tools.lock(key)
    if (lock !== null) return lock
    if (tools.now() - since > patience) {
      throw new ChasquiError('STICK_BUSY', 'another program of this machine works on the stick', {
        hint: 'wait until it says that the stick may be removed, and run the same command again'
      })
    }
    await delay(POLL, undefined, { signal }).catch(() => undefined)
  }
}
