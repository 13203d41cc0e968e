// When a round with a stick that failed is tried again.
import type { ErrorCode } from '../errors.ts'

const RETRY = { first: 30_000, last: 60 * 60_000 } // milliseconds after a round that failed; twice as long each time

/** Trying again changes nothing about these before the stick was elsewhere, or the feed grows. */
const LASTING: ReadonlySet<ErrorCode> = new Set([
  'STICK_DAMAGED',
  'STICK_FORK',
  'STICK_FULL',
  'STICK_LINK',
  'STICK_NOT_OURS',
  'STICK_OTHER_FLEET',
  'STICK_READ_ONLY',
  'STICK_REMOVED',
  'STICK_TAMPERED'
] as const)

/** Will it be the same at the next try, as long as nobody does something about it? */
export function isLasting(code: ErrorCode): boolean {
  return LASTING.has(code)
}

/** Milliseconds until the next try, when so many failed before this one. */
export function pauseAfter(failures: number): number {
  return Math.min(RETRY.first * 2 ** failures, RETRY.last)
}
