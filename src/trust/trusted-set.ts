// The client workflow of the TUF specification 1.0.34, §5, as a pure object: bytes and a fixed time go in, trust or an
// error comes out. It reads nothing, writes nothing and has no clock; refresh.ts feeds it.
//
// Load order, enforced (TUF_MISMATCH or TypeError otherwise):
//   root 1…n  →  timestamp (stored, then new)  →  snapshot (stored, then new)  →  targets  →  delegated roles
// Each update throws and changes nothing, except expiry and "not the version that the timestamp names": those leave the
// old file in place as the base of the rollback checks, which is what the specification asks for.
import type { MetaFile, Root, Snapshot, Targets, Timestamp } from '@tufjs/models'
import { ChasquiError } from '../errors.ts'
import {
  expiresAt,
  type Parsed,
  type ParsedTargets,
  parseRoot,
  parseSnapshot,
  parseTargets,
  parseTimestamp,
  rootKeys,
  signedAt
} from './metadata.ts'
import { isBin } from './path-pattern.ts'
import type { TrustProfile } from './profile.ts'
import { type SigningRole, verifyThreshold } from './threshold.ts'

export interface TrustedSetOptions {
  /** milliseconds since the epoch; fixed for the whole update (TUF 5.1) */
  now: number
  profile: TrustProfile
}

export class TrustedSet {
  readonly #profile: TrustProfile
  readonly #now: number
  #root: Parsed<Root>
  #timestamp: Parsed<Timestamp> | null = null
  #snapshot: Parsed<Snapshot> | null = null
  #targets: ParsedTargets | null = null
  /** by delegator and role: one role may be delegated twice, and each delegator's keys count (TUF 5.6.3) */
  readonly #delegated = new Map<string, ParsedTargets>()

  /** TUF 5.2: the trusted root must be signed by its own keys. Its expiry does not matter yet. */
  constructor(root: Uint8Array, options: TrustedSetOptions) {
    this.#profile = options.profile
    this.#now = options.now
    const parsed = parseRoot(root, this.#profile)
    verifyThreshold('root', parsed, signersOf(parsed.signed, 'root'), rootKeys(parsed.signed))
    this.#root = parsed
  }

  get root(): Parsed<Root> {
    return this.#root
  }
  get timestamp(): Parsed<Timestamp> | null {
    return this.#timestamp
  }
  get snapshot(): Parsed<Snapshot> | null {
    return this.#snapshot
  }
  get targets(): ParsedTargets | null {
    return this.#targets
  }

  /**
   * The time that expiry is judged by: the clock, but never before the time floor, which is when the trusted timestamp
   * was signed. The floor has no other source and no other memory: it goes when root rotates the timestamp's key.
   */
  get effectiveNow(): number {
    return Math.max(this.#now, this.#timestamp === null ? 0 : (signedAt(this.#timestamp.raw) ?? 0))
  }

  /** TUF 5.3: the next root. */
  updateRoot(bytes: Uint8Array): void {
    if (this.#timestamp !== null) throw new TypeError('root cannot change after the timestamp is loaded')
    const next = parseRoot(bytes, this.#profile)
    const { signed } = this.#root
    // TUF 5.3.4: signed by a threshold of the old keys and of its own
    verifyThreshold('root', next, signersOf(signed, 'root'), rootKeys(signed))
    // TUF 5.3.5: exactly the next version
    if (next.signed.version !== signed.version + 1) {
      const code = next.signed.version <= signed.version ? 'TUF_ROLLBACK' : 'TUF_MISMATCH'
      throw new ChasquiError(
        code,
        `root version ${next.signed.version} cannot follow version ${signed.version}`
      )
    }
    verifyThreshold('root', next, signersOf(next.signed, 'root'), rootKeys(next.signed))
    this.#root = next
  }

  /** TUF 5.4. Returns false when it is the version that is trusted already, which stays. */
  updateTimestamp(bytes: Uint8Array): boolean {
    if (this.#snapshot !== null) throw new TypeError('timestamp cannot change after the snapshot is loaded')
    this.#requireCurrent('root', this.#root.signed) // TUF 5.3.10
    const next = parseTimestamp(bytes)
    this.#verifyTopLevel('timestamp', next) // TUF 5.4.2
    const trusted = this.#timestamp?.signed
    if (trusted !== undefined) {
      // TUF 5.4.3.1: rollback of the timestamp; an equal version is discarded
      if (next.signed.version < trusted.version) throw rollback('timestamp', next.signed, trusted)
      if (next.signed.version === trusted.version) return false
      // TUF 5.4.3.2: rollback of the snapshot that it names
      if (next.signed.snapshotMeta.version < trusted.snapshotMeta.version) {
        throw rollback('snapshot', next.signed.snapshotMeta, trusted.snapshotMeta)
      }
    }
    this.#timestamp = next
    this.#requireCurrent('timestamp', next.signed) // TUF 5.4.4
    return true
  }

  /**
   * TUF 5.5. `stored`: the bytes come from this client's own durable store, where they were checked before; they may be
   * older than what the timestamp names and then serve the rollback check only.
   */
  updateSnapshot(bytes: Uint8Array, stored = false): void {
    const timestamp = this.#requireTimestamp()
    if (this.#targets !== null) throw new TypeError('snapshot cannot change after targets is loaded')
    const { snapshotMeta } = timestamp.signed
    if (!stored) checkHashes('snapshot', snapshotMeta, bytes) // TUF 5.5.2
    const next = parseSnapshot(bytes)
    this.#verifyTopLevel('snapshot', next) // TUF 5.5.3
    this.#checkSnapshotRollback(next.signed)
    this.#snapshot = next
    this.#requireFinalSnapshot()
  }

  /** TUF 5.5.5: no role disappears, none goes back. */
  #checkSnapshotRollback(next: Snapshot): void {
    for (const [name, trusted] of Object.entries(this.#snapshot?.signed.meta ?? {})) {
      const found = Object.hasOwn(next.meta, name) ? next.meta[name] : undefined
      if (found === undefined) {
        throw new ChasquiError('TUF_ROLLBACK', `the new snapshot no longer lists ${name}`)
      }
      if (found.version < trusted.version) throw rollback(name, found, trusted)
    }
  }

  /** TUF 5.6 for the top-level targets role. */
  updateTargets(bytes: Uint8Array): void {
    this.#targets = this.#checkTargets('targets', bytes, (parsed) => this.#verifyTopLevel('targets', parsed))
  }

  /** TUF 5.6 for a delegated role, checked against the keys of this delegator. */
  updateDelegated(role: string, delegator: string, bytes: Uint8Array): ParsedTargets {
    const { signers, keys } = this.#delegation(role, delegator)
    const parsed = this.#checkTargets(role, bytes, (next) => verifyThreshold(role, next, signers, keys))
    this.#delegated.set(pairKey(role, delegator), parsed)
    return parsed
  }

  /** A targets role that was loaded through this delegator ("root" for the top level), or null. */
  role(role: string, delegator: string): ParsedTargets | null {
    return role === 'targets' ? this.#targets : (this.#delegated.get(pairKey(role, delegator)) ?? null)
  }

  /** Any loaded copy of a role, whoever delegated it: its bytes, to be checked against another delegator. */
  loadedBytes(role: string): Uint8Array | null {
    for (const [key, parsed] of this.#delegated) if (key.startsWith(`${role}\0`)) return parsed.bytes
    return null
  }

  /** True when the snapshot lists the role: it has published something. */
  isListed(role: string): boolean {
    return Object.hasOwn(this.#requireFinalSnapshot().signed.meta, `${role}.json`)
  }

  /** What the snapshot says about a targets role. Throws TUF_MISSING when it does not list it. */
  metaFile(role: string): MetaFile {
    const meta = this.#requireFinalSnapshot().signed.meta
    const found = Object.hasOwn(meta, `${role}.json`) ? meta[`${role}.json`] : undefined
    if (found !== undefined) return found
    throw new ChasquiError('TUF_MISSING', `the snapshot does not list the role ${role}`)
  }

  /** Loaded metadata that is past its expiry at `effectiveNow`, top level first. Empty under a strict profile. */
  expired(): { role: string; expires: string }[] {
    const loaded: [string, Parsed<Root | Snapshot | Targets | Timestamp> | null][] = [
      ['root', this.#root],
      ['timestamp', this.#timestamp],
      ['snapshot', this.#snapshot],
      ['targets', this.#targets],
      ...[...this.#delegated].map(([key, parsed]): [string, ParsedTargets] => [
        key.split('\0')[0] ?? key,
        parsed
      ])
    ]
    return loaded.flatMap(([role, parsed]) =>
      parsed !== null && expiresAt(parsed.signed) <= this.effectiveNow
        ? [{ role, expires: parsed.signed.expires }]
        : []
    )
  }

  #checkTargets(role: string, bytes: Uint8Array, verify: (parsed: ParsedTargets) => void): ParsedTargets {
    const meta = this.metaFile(role)
    checkHashes(role, meta, bytes) // TUF 5.6.2
    const parsed = parseTargets(bytes, this.#profile, role)
    verify(parsed) // TUF 5.6.3
    if (parsed.signed.version !== meta.version) {
      // TUF 5.6.4: mix-and-match
      throw new ChasquiError(
        'TUF_MISMATCH',
        `${role} has version ${parsed.signed.version}, the snapshot names ${meta.version}`
      )
    }
    this.#requireCurrent(role, parsed.signed) // TUF 5.6.5
    return parsed
  }

  #delegation(role: string, delegator: string) {
    const parent = delegator === 'targets' ? this.#targets : this.#anyDelegated(delegator)
    const delegations = parent?.delegations
    if (delegations === undefined || delegations === null) {
      throw new TypeError(`${delegator} must be loaded before ${role}`)
    }
    const { succinct, byName, keys } = delegations
    const signers = byName.get(role) ?? (succinct !== null && isBin(succinct, role) ? succinct : undefined)
    if (signers === undefined) {
      throw new ChasquiError('TUF_MISMATCH', `${delegator} does not delegate to ${role}`)
    }
    return { signers: signers as SigningRole, keys }
  }

  #anyDelegated(role: string): ParsedTargets | null {
    for (const [key, parsed] of this.#delegated) if (key.startsWith(`${role}\0`)) return parsed
    return null
  }

  #verifyTopLevel(
    role: 'timestamp' | 'snapshot' | 'targets',
    parsed: Parsed<Snapshot | Targets | Timestamp>
  ) {
    verifyThreshold(role, parsed, signersOf(this.#root.signed, role), rootKeys(this.#root.signed))
  }

  #requireTimestamp(): Parsed<Timestamp> {
    if (this.#timestamp === null) throw new TypeError('the timestamp must be loaded first')
    this.#requireCurrent('timestamp', this.#timestamp.signed)
    return this.#timestamp
  }

  /** TUF 5.5.4 and 5.5.6: the version that the timestamp names, and not expired. */
  #requireFinalSnapshot(): Parsed<Snapshot> {
    const wanted = this.#requireTimestamp().signed.snapshotMeta.version
    if (this.#snapshot === null) throw new TypeError('the snapshot must be loaded first')
    this.#requireCurrent('snapshot', this.#snapshot.signed)
    if (this.#snapshot.signed.version === wanted) return this.#snapshot
    throw new ChasquiError(
      'TUF_MISMATCH',
      `the snapshot has version ${this.#snapshot.signed.version}, the timestamp names ${wanted}`
    )
  }

  #requireCurrent(role: string, signed: Root | Snapshot | Targets | Timestamp): void {
    if (this.#profile.expiry === 'tolerant' || expiresAt(signed) > this.effectiveNow) return
    throw new ChasquiError('TUF_EXPIRED', `${role} has expired on ${signed.expires}`, {
      hint: 'bring newer metadata by network or stick, and check the clock of this machine'
    })
  }
}

function signersOf(root: Root, role: string): SigningRole {
  return root.roles[role] as SigningRole
}

function pairKey(role: string, delegator: string): string {
  return `${role}\0${delegator}`
}

function checkHashes(role: string, meta: MetaFile, bytes: Uint8Array): void {
  try {
    meta.verify(Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength))
  } catch (cause) {
    throw new ChasquiError('TUF_MISMATCH', `${role} is not the file that was signed for`, { cause })
  }
}

function rollback(name: string, next: { version: number }, trusted: { version: number }): ChasquiError {
  return new ChasquiError(
    'TUF_ROLLBACK',
    `${name} would go back from version ${trusted.version} to ${next.version}`,
    { hint: 'this copy is older than what this machine has accepted; nothing was changed' }
  )
}
