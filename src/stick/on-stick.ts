// What the system's errors mean on a drive that can be pulled, full or locked: each gets its own code.
import { asChasquiError, ChasquiError } from '../errors.ts'

/** What a drive that goes away answers; ENOENT: what was there a moment ago is not. */
const REMOVED = new Set(['ENODEV', 'ENXIO', 'ENOTCONN', 'ESTALE', 'ECONNABORTED', 'ENOMEDIUM', 'ENOENT'])

/** Runs an operation on the stick; a stick that is gone, full or read-only gets its own error. */
export async function onStick<T>(operation: () => Promise<T>): Promise<T> {
  try {
    return await operation()
  } catch (cause) {
    if (cause instanceof ChasquiError) throw cause
    const code = (cause as NodeJS.ErrnoException).code ?? ''
    if (REMOVED.has(code)) {
      throw stickRemoved(cause)
    }
    // a file that was opened for writing and then may not be written: fusefat's way to say "full" (measured)
    const isFull =
      code === 'ENOSPC' || (code === 'EPERM' && (cause as NodeJS.ErrnoException).syscall === 'write')
    if (isFull) {
      throw new ChasquiError('STICK_FULL', 'the stick is full', { cause, hint: 'free some space on it' })
    }
    if (code === 'EROFS' || code === 'EACCES' || code === 'EPERM') {
      throw new ChasquiError('STICK_READ_ONLY', 'the stick cannot be written to', {
        cause,
        hint: 'remount it writable (look for a lock switch on it), or use import only'
      })
    }
    throw asChasquiError(cause)
  }
}

export function stickRemoved(cause?: unknown): ChasquiError {
  return new ChasquiError('STICK_REMOVED', 'the stick was pulled out', {
    cause,
    hint: 'plug it in again and run the same command: it goes on where it was'
  })
}
