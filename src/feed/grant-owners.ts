// Which node has which invite, as the grants of the feed say: what tells a clone from the node that came first. Kept up with
// the feed by what has changed in it; a grant is verified when somebody first asks for its invite.
import { Turns } from '../system/turns.ts'
import { toHex } from '../trust/bytes.ts'
import { readGrant } from '../trust/grant.ts'
import { grantsFolder, readGrantFile } from './grant-files.ts'
import type { FeedSnapshot } from './types.ts'

export class GrantOwners {
  /** invite (hex) → grant as the feed has it */
  readonly #grants = new Map<string, Uint8Array>()
  /** what was verified: invite → node, both hex; null: a grant that nobody trusts */
  readonly #owners = new Map<string, string | null>()
  #enrolmentKeys: readonly Uint8Array[] = []
  #at = { feed: '', version: 0 }
  readonly #turns = new Turns()

  /** Takes the grants of a version of a feed (key in hex), trusted by these keys. Throws BLOCK_MISSING. */
  refresh(feed: string, snapshot: FeedSnapshot, enrolmentKeys: readonly Uint8Array[]): Promise<void> {
    return this.#turns.take(() => this.#refresh(feed, snapshot, enrolmentKeys))
  }

  /** The node (hex) that has an invite (hex); null as long as nobody has. */
  owner(invite: string): string | null {
    const known = this.#owners.get(invite)
    if (known !== undefined) return known
    const bytes = this.#grants.get(invite)
    const owner = bytes === undefined ? null : ownerIn(bytes, invite, this.#enrolmentKeys)
    if (bytes !== undefined) this.#owners.set(invite, owner)
    return owner
  }

  async #refresh(feed: string, snapshot: FeedSnapshot, enrolmentKeys: readonly Uint8Array[]): Promise<void> {
    if (feed !== this.#at.feed) {
      this.#grants.clear()
      this.#at = { feed, version: 0 }
    }
    const folder = grantsFolder()
    const changed =
      snapshot.version > this.#at.version ? await snapshot.changed(folder, this.#at.version) : []
    for (const path of changed) {
      const invite = path.slice(folder.length + 1)
      const bytes = await readGrantFile(snapshot, invite)
      if (bytes === null) this.#grants.delete(invite)
      else this.#grants.set(invite, bytes)
    }
    if (changed.length > 0 || this.#enrolmentKeys.map(toHex).join() !== enrolmentKeys.map(toHex).join()) {
      this.#owners.clear()
    }
    this.#enrolmentKeys = enrolmentKeys
    this.#at = { feed, version: Math.max(snapshot.version, this.#at.version) }
  }
}

/** A grant that nobody trusts, or that lies under another invite's name, makes no owner. */
export function ownerIn(
  bytes: Uint8Array,
  invite: string,
  enrolmentKeys: readonly Uint8Array[]
): string | null {
  try {
    const grant = readGrant(bytes, enrolmentKeys)
    return toHex(grant.invite) === invite ? toHex(grant.node) : null
  } catch {
    return null
  }
}

/** node → invite, both hex, by every grant of a version that these keys signed. */
export async function invitesByNode(
  snapshot: FeedSnapshot,
  enrolmentKeys: readonly Uint8Array[]
): Promise<Map<string, string>> {
  const found = new Map<string, string>()
  const folder = grantsFolder()
  for (const path of await snapshot.list(folder)) {
    const invite = path.slice(folder.length + 1)
    const bytes = await readGrantFile(snapshot, invite)
    const owner = bytes === null ? null : ownerIn(bytes, invite, enrolmentKeys)
    if (owner !== null) found.set(owner, invite)
  }
  return found
}
