// One change of a fleet's metadata: collects edits, numbers the versions, collects signatures, and ends as a set of files
// that readers see at once. Snapshot and timestamp follow from the rest and are made last, by the online keys.
import { ChasquiError } from '../errors.ts'
import { formatTime } from './bytes.ts'
import type { Current } from './current.ts'
import {
  checkDelegate,
  checkThreshold,
  type Delegate,
  delegationOf,
  dropDelegation,
  keysOf,
  putDelegation,
  roleFor,
  rolesOfKey
} from './delegations.ts'
import {
  addSignatures,
  type DelegationEntry,
  decodeEnvelope,
  type Envelope,
  type RoleKeys,
  type RootPart,
  type SnapshotPart,
  SPEC_VERSION,
  type TargetEntry,
  type TargetsPart,
  type TimestampPart
} from './envelope.ts'
import { EXPIRY } from './expiry.ts'
import type { Signer } from './keys.ts'
import {
  type MissingSignatures,
  missingSignatures,
  type RoleSigners,
  sameKeys,
  signersOf
} from './needed-signatures.ts'
import { finishOnline, type Publication } from './online-roles.ts'
import { nextEra, nextRole } from './versions.ts'

export class FleetDraft {
  readonly #now: number
  readonly #root: Envelope<RootPart>
  /** root, targets and delegated roles that this change writes, by role name */
  readonly #changed = new Map<string, Envelope<RootPart | TargetsPart>>()
  readonly #current: Current
  readonly #targets: Envelope<TargetsPart>
  #nextRoot: Envelope<RootPart> | null = null
  #restartOnline = false

  /**
   * Throws CLOCK_BEHIND when `now` is before the last signature (an hour of slack), unless the caller knows that the
   * clock is right and the last signature was not.
   */
  constructor(current: Current, now: number, options: { clockIsRight?: boolean } = {}) {
    this.#now = now
    this.#current = current
    this.#root = decodeEnvelope<RootPart>(current.root)
    this.#targets =
      current.targets === undefined ? emptyTargets(now) : decodeEnvelope<TargetsPart>(current.targets)
    if (current.targets === undefined) this.#changed.set('targets', this.#targets)
    if (options.clockIsRight !== true) this.#checkClock()
  }

  #checkClock(): void {
    if (this.#current.timestamp === undefined) return
    const last = decodeEnvelope<TimestampPart>(this.#current.timestamp).signed['x-chasqui'].signed
    if (this.#now >= Date.parse(last) - EXPIRY.clockSlack) return
    throw new ChasquiError(
      'CLOCK_BEHIND',
      `the clock says ${formatTime(this.#now)}, but ${last} was signed before`,
      {
        hint: 'set the clock of this machine; if it is right and the earlier one was not, use "publisher keys rotate online"'
      }
    )
  }

  /** Writes the current root again as a file of this change (the first publication). */
  include(role: 'root'): void {
    this.#changed.set(role, this.#root)
  }

  get root(): Readonly<RootPart> {
    return (this.#nextRoot ?? this.#root).signed
  }

  /** The delegated role that answers for a target path now, or null. */
  roleFor(path: string): string | null {
    return roleFor(this.#targetsPart(), path)
  }

  delegation(name: string): DelegationEntry | null {
    return delegationOf(this.#targetsPart(), name)
  }

  /** The targets that a role lists, or null when the role was not loaded. */
  targetsOf(role: string): Readonly<Record<string, TargetEntry>> | null {
    const bytes = this.#current.roles.get(role)
    const envelope =
      this.#changed.get(role) ?? (bytes === undefined ? null : decodeEnvelope<TargetsPart>(bytes))
    return envelope?.signed._type === 'targets' ? envelope.signed.targets : null
  }

  /** Lists a target in a delegated role; null takes it out. */
  setTarget(role: string, path: string, entry: TargetEntry | null): void {
    const part = this.#editRole(role)
    if (entry === null) delete part.targets[path]
    else part.targets[path] = entry
  }

  /** Adds a delegation to targets, or changes it. Throws ROLE_NAME, USAGE. */
  delegate(delegate: Delegate): void {
    checkDelegate(delegate)
    putDelegation(this.#editTargets(), delegate)
    const isListed = this.#lastVersion(delegate.name) > 0
    const isKnown = this.#current.roles.has(delegate.name)
    if (isListed && !isKnown && this.#current.isWhole !== true) {
      throw new TypeError(`${delegate.name} must be loaded to be changed`)
    }
    // a role that exists has to be signed again by its new keys, or nobody could read it any more; one that ended begins
    // again with nothing, or what it listed before would come back
    if (isKnown || isListed) this.#editRole(delegate.name)
  }

  /** Names of the delegated roles that a key (TUF key id) signs. */
  rolesOfKey(keyid: string): string[] {
    return rolesOfKey(this.#targetsPart(), keyid)
  }

  /** Public keys of a delegated role. */
  keysOf(role: string): Uint8Array[] {
    return keysOf(this.#targetsPart(), role)
  }

  /** Ends a delegation: what it listed no longer counts. */
  removeDelegation(name: string): void {
    dropDelegation(this.#editTargets(), name)
    this.#changed.delete(name)
  }

  /** The next version of root. What only its former keys signed is signed again: targets, snapshot, timestamp. */
  editRoot(edit: (root: RootPart) => void): void {
    const next = structuredClone(this.root) as RootPart
    edit(next)
    next.version = this.#root.signed.version + 1
    next.expires = formatTime(this.#now + EXPIRY.root)
    for (const [name, role] of Object.entries(next.roles))
      checkThreshold(name, role.keyids.length, role.threshold)
    const used = new Set(Object.values(next.roles).flatMap((role) => role.keyids))
    next.keys = Object.fromEntries(Object.entries(next.keys).filter(([id]) => used.has(id)))
    this.#nextRoot = { signatures: [], signed: next }
    this.#changed.set('root', this.#nextRoot)
    this.#noteRotation(next)
    if (!sameKeys(this.#root.signed.roles.targets, next.roles.targets)) this.#editTargets()
  }

  #noteRotation(next: RootPart): void {
    this.#restartOnline = ['timestamp', 'snapshot'].some(
      (role) => !sameKeys(this.#root.signed.roles[role as 'timestamp'], next.roles[role as 'timestamp'])
    )
  }

  /** Signs root, targets and delegated roles with whatever keys are here; may be called several times. */
  sign(signers: readonly Signer[]): void {
    for (const [name, envelope] of this.#changed) {
      this.#changed.set(
        name,
        addSignatures(
          envelope,
          this.#signersOf(name).flatMap((role) => role.keyids),
          signers
        )
      )
    }
  }

  /** Signatures that somebody else made on the same bytes (a signing request that came back). */
  addEnvelope(role: string, envelope: Envelope<RootPart | TargetsPart>): void {
    this.#changed.set(role, envelope)
    if (envelope.signed._type !== 'root') return
    this.#nextRoot = envelope as Envelope<RootPart>
    this.#noteRotation(this.#nextRoot.signed)
  }

  /** Which roles still lack signatures; only right ones count. */
  missing(): MissingSignatures[] {
    return [...this.#changed].flatMap(([role, envelope]) =>
      missingSignatures(role, envelope, this.#signersOf(role))
    )
  }

  /** Which keys may sign a role of this change; two sets for root: the former one and its own. */
  signersOf(role: string): RoleKeys[] {
    return this.#signersOf(role).map(({ keyids, threshold }) => ({ keyids, threshold }))
  }

  /** Root, targets and delegated roles of this change, as far as they are signed. */
  envelopes(): ReadonlyMap<string, Envelope<RootPart | TargetsPart>> {
    return this.#changed
  }

  /** Signs, adds snapshot and timestamp. Throws SIGNATURES_MISSING, KEY_MISSING (online key). */
  finish(signers: readonly Signer[]): Publication {
    this.sign(signers)
    const [lacking] = this.missing()
    if (lacking !== undefined) {
      throw new ChasquiError(
        'SIGNATURES_MISSING',
        `${lacking.role} has ${lacking.have} of the ${lacking.need} signatures that it needs`,
        { hint: 'sign with the missing key, or leave a request for the next person with "publisher sign"' }
      )
    }
    return finishOnline({
      current: this.#current,
      changed: this.#changed,
      isDelegated: (role) => this.delegation(role) !== null,
      isRestart: this.#restartOnline,
      root: this.root,
      signers,
      now: this.#now
    })
  }

  #lastSnapshot(): Envelope<SnapshotPart> | null {
    const { snapshot } = this.#current
    return snapshot === undefined ? null : decodeEnvelope<SnapshotPart>(snapshot)
  }

  #targetsPart(): TargetsPart {
    return (this.#changed.get('targets') as Envelope<TargetsPart> | undefined)?.signed ?? this.#targets.signed
  }

  #editTargets(): TargetsPart {
    return this.#edit('targets', this.#targets)
  }

  #editRole(role: string): TargetsPart {
    if (role === 'targets') return this.#editTargets()
    const bytes = this.#current.roles.get(role)
    return this.#edit(role, bytes === undefined ? null : decodeEnvelope<TargetsPart>(bytes))
  }

  #edit(role: string, last: Envelope<TargetsPart> | null): TargetsPart {
    const open = this.#changed.get(role)
    if (open !== undefined) {
      open.signatures = []
      return open.signed as TargetsPart
    }
    const next = last === null ? emptyTargets(this.#now) : structuredClone(last)
    next.signatures = []
    next.signed.version = this.#nextRole(last?.signed.version ?? this.#lastVersion(role))
    next.signed.expires = formatTime(this.#now + EXPIRY.targets)
    this.#changed.set(role, next)
    return next.signed
  }

  /** The version that a root, targets or delegated role of this change must have to follow what there is. */
  nextVersion(role: string): number {
    if (role === 'root') return this.#root.signed.version + 1
    const bytes = role === 'targets' ? this.#current.targets : this.#current.roles.get(role)
    return this.#nextRole(
      bytes === undefined ? this.#lastVersion(role) : decodeEnvelope(bytes).signed.version
    )
  }

  #nextRole(last: number): number {
    const snapshot = this.#lastSnapshot()?.signed.version ?? 0
    return nextRole(last, this.#restartOnline ? nextEra(snapshot) : snapshot)
  }

  /** A role that was removed and comes back goes on from its old number: snapshots never forget a role. */
  #lastVersion(role: string): number {
    return this.#lastSnapshot()?.signed.meta[`${role}.json`]?.version ?? 0
  }

  #signersOf(role: string): RoleSigners[] {
    const formerRoot = this.#root.signed
    return signersOf(role, { formerRoot, root: this.root, targets: this.#targetsPart() })
  }
}

function emptyTargets(now: number): Envelope<TargetsPart> {
  const expires = formatTime(now + EXPIRY.targets)
  return {
    signatures: [],
    signed: { _type: 'targets', spec_version: SPEC_VERSION, version: 1, expires, targets: {} }
  }
}
