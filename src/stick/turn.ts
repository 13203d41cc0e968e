// A home does one piece of stick work at a time, whoever asks: a command or the watcher.
import { Turns } from '../system/turns.ts'
import { cancelled, stopIfCancelled } from './cancel.ts'
import type { StickHome } from './home.ts'

const turns = new WeakMap<StickHome, Turns>()

/** Runs `work` after what was asked of this home before; `onWait` is called when that is not done yet. Throws CANCELLED while it waits. */
export async function inTurn<T>(
  home: StickHome,
  signal: AbortSignal,
  work: () => Promise<T>,
  onWait: () => void = () => undefined
): Promise<T> {
  stopIfCancelled(signal)
  const own = turns.get(home) ?? new Turns()
  turns.set(home, own)
  const hasToWait = own.isBusy
  let hasBegun = false
  const result = own.take(async () => {
    hasBegun = true
    stopIfCancelled(signal)
    return work()
  })
  if (!hasToWait) return result
  onWait()
  return new Promise((resolve, reject) => {
    const stop = () => {
      if (!hasBegun) reject(cancelled())
    }
    signal.addEventListener('abort', stop)
    result.then(resolve, reject).finally(() => signal.removeEventListener('abort', stop))
  })
}
