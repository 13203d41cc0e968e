// A home does one piece of stick work at a time, whoever asks: a command or the watcher.
import type { StickHome } from './home.ts'

const turns = new WeakMap<StickHome, Promise<unknown>>()

/** Runs `work` after what was asked of this home before. */
export function inTurn<T>(home: StickHome, work: () => Promise<T>): Promise<T> {
  const result = (turns.get(home) ?? Promise.resolve()).then(work)
  turns.set(
    home,
    result.catch(() => undefined)
  )
  return result
}
