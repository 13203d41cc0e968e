// What a change of the metadata starts from.
import type { Trust } from './trust.ts'

/** The metadata that a change starts from, verbatim. Delegated roles: those that the change touches. */
export interface Current {
  root: Uint8Array
  timestamp?: Uint8Array
  snapshot?: Uint8Array
  targets?: Uint8Array
  roles: ReadonlyMap<string, Uint8Array>
  /** every role that exists is here: when root replaces the online keys, the snapshot is made anew of these */
  isWhole?: boolean
}

/** Takes what a draft needs from verified metadata; roles that do not exist are left out. */
export async function currentOf(trust: Trust, roles: readonly string[]): Promise<Current> {
  const { root, timestamp, snapshot, targets } = trust.set
  if (timestamp === null || snapshot === null || targets === null) throw new TypeError('trust is not loaded')
  const loaded = new Map<string, Uint8Array>()
  for (const role of roles) {
    const found = await trust.role(role)
    if (found !== null) loaded.set(role, found.bytes)
  }
  return {
    root: root.bytes,
    timestamp: timestamp.bytes,
    snapshot: snapshot.bytes,
    targets: targets.bytes,
    roles: loaded
  }
}
