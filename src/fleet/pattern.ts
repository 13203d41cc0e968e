// Name patterns of modules: `*` and `?`, the same as in the delegations of the trust metadata.
import { matchesPattern } from '../trust/path-pattern.ts'

/** Does a module name fit any of the patterns, whole? */
export function matchesAny(patterns: readonly string[], name: string): boolean {
  return patterns.some((pattern) => matchesPattern(name, pattern))
}
