// Ctrl-C in the middle of stick work: an error with a name; what was durable before stays, and the next run goes on.
import { ChasquiError } from '../errors.ts'

/** Throws CANCELLED once `signal` was aborted. */
export function stopIfCancelled(signal: AbortSignal): void {
  if (signal.aborted) throw cancelled()
}

export function cancelled(): ChasquiError {
  return new ChasquiError('CANCELLED', 'stopped on request', {
    hint: 'run the same command again: it goes on where it was'
  })
}
