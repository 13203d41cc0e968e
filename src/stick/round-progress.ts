// What a round says while it runs.
import type { CommandContext } from '../control/commands.ts'

/** Counts bytes of one step into `progress` events. */
export function progressOf(context: CommandContext, step: 'import' | 'export', total: number | null) {
  let done = 0
  return {
    signal: context.signal,
    onBytes(bytes: number) {
      if (bytes === 0) return
      done += bytes
      context.emit({ event: 'progress', step, done, total })
    }
  }
}
