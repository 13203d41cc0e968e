// How versions go on, so that no lost or stolen key can use them up and no number is signed twice. FORMAT 5.7.
//
// Every time root replaces the online keys, snapshot begins a new era: the next multiple of ERA. Whatever is signed after
// that gets a number of the era or above. So what a thief or a lost machine has signed under the same numbers cannot be
// taken for it by a branch that kept it.
import { ChasquiError } from '../errors.ts'

/** More than any publisher signs between two rotations of its online keys. */
const ERA = 1_000_000

/** Versions above this are the work of a thief (fast-forward): the role starts again once root has rotated the keys. */
export const SANE_VERSION = 2 ** 50

/** The snapshot after online keys were replaced. */
export function nextEra(last: number): number {
  const next = eraOf(last) + ERA
  return next > SANE_VERSION ? 1 : next
}

/** The next snapshot or timestamp of the same keys. Throws TUF_LIMIT. */
export function nextOnline(last: number): number {
  if (last <= SANE_VERSION) return last + 1
  throw new ChasquiError('TUF_LIMIT', `the online key has signed version ${last}: somebody else used it`, {
    hint: 'replace it with "publisher keys rotate online"'
  })
}

/** The next version of a targets role, under a snapshot of this version. What is counted within an era goes on. */
export function nextRole(last: number, snapshot: number): number {
  const era = eraOf(snapshot > SANE_VERSION ? 0 : snapshot)
  if (last > SANE_VERSION) return era + 1
  return Math.max(last, era + (last - eraOf(last))) + 1
}

/** What `nextRole` could give under some snapshot; a role that has published nothing (0) may have ended and come back. */
export function mayFollow(last: number, version: number): boolean {
  if (version > SANE_VERSION) return false
  if (last === 0 || version === last + 1) return true
  const counted = last > SANE_VERSION ? 0 : last - eraOf(last)
  return version - eraOf(version) === counted + 1 && (last > SANE_VERSION || version > last)
}

function eraOf(version: number): number {
  return Math.floor(version / ERA) * ERA
}
