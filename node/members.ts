// Who is a member of the fleet, as far as this node can judge it; and this node as one of them.
import type { ChasquiError } from '../src/errors.ts'
import { GrantOwners } from '../src/feed/grant-owners.ts'
import { revokedSets } from '../src/fleet/revoked.ts'
import { enrolmentKeysOf } from '../src/trust/ceremony.ts'
import { requireOwner, type VerifiedMember, verifyMembership } from '../src/trust/membership.ts'
import type { NodeIdentity } from './identity.ts'
import type { TrustKeeper } from './trust-keeper.ts'

export class Members {
  /** which node has which invite, while links are up */
  readonly owners = new GrantOwners()
  /** the invite of this home belongs to another node */
  clone: ChasquiError | null = null
  readonly #identity: NodeIdentity
  readonly #trust: Pick<TrustKeeper, 'fleet' | 'revoked' | 'rootVersion'>

  constructor(identity: NodeIdentity, trust: Pick<TrustKeeper, 'fleet' | 'revoked' | 'rootVersion'>) {
    this.#identity = identity
    this.#trust = trust
  }

  /**
   * The member that a membership makes somebody at `now` (milliseconds since the epoch; null: in a record of the past).
   * Throws MEMBERSHIP_INVALID, FLEET_MISMATCH, INVITE_EXPIRED, GRANT_INVALID, MEMBER_REVOKED, MEMBER_CLONED.
   */
  verify(membership: Uint8Array, now: number | null): VerifiedMember {
    const { access } = this.#identity
    const { fleet } = this.#trust
    // the key of the invite counts only until a newer root has spoken: it may have been stolen since
    const isSpoken = fleet !== null && this.#trust.rootVersion !== (access.rootAtJoin ?? 0)
    const enrolmentKeys = fleet === null ? [] : enrolmentKeysOf(fleet)
    if (!isSpoken) enrolmentKeys.push(access.enrolmentKey)
    const revoked = revokedSets(this.#trust.revoked)
    const member = verifyMembership(membership, { fleetId: access.fleetId, enrolmentKeys, revoked, now })
    // a clone's records are taken: they are how the publisher hears of it
    if (now !== null) requireOwner(member, this.owners.owner(member.invite))
    return member
  }

  /** This node as the fleet sees it. Throws MEMBER_REVOKED. */
  self(): VerifiedMember {
    return this.verify(this.#identity.membership, null)
  }

  /** This node, as long as the fleet serves it. Throws MEMBER_REVOKED, MEMBER_CLONED. */
  served(): VerifiedMember {
    if (this.clone !== null) throw this.clone
    return this.self()
  }
}
