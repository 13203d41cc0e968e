// A home does one piece of stick work at a time, whoever asks: a command or the watcher.
import { cancelled, stopIfCancelled } from './cancel.ts'
import type { StickHome } from './home.ts'

const turns = new WeakMap<StickHome, Promise<unknown>>()

/** Runs `work` after what was asked of this home before; `onWait` is called when that is not done yet. Throws CANCELLED while it waits. */
export async function inTurn<T>(
  home: StickHome,
  signal: AbortSignal,
  work: () => Promise<T>,
  onWait: () => void = () => undefined
): Promise<T> {
  stopIfCancelled(signal)
  const before = turns.get(home)
  let hasBegun = false
  const result = (before ?? Promise.resolve()).then(() => {
    hasBegun = true
    stopIfCancelled(signal)
    return work()
  })
  const turn = result
    .catch(() => undefined)
    .then(() => {
      if (turns.get(home) === turn) turns.delete(home)
    })
  turns.set(home, turn)
  if (before === undefined) return result
  onWait()
  const stopped = new Promise<never>((_resolve, reject) => {
    const stop = () => {
      if (!hasBegun) reject(cancelled())
    }
    signal.addEventListener('abort', stop)
    void turn.then(() => signal.removeEventListener('abort', stop))
  })
  return Promise.race([result, stopped])
}
