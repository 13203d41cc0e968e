// One change of a fleet's metadata: collects edits, numbers the versions, collects signatures, and ends as a set of files
// that readers see at once. Snapshot and timestamp follow from the rest and are made last, by the online keys.
import { ChasquiError } from '../errors.ts'
import { formatTime, fromHex, sha256Hex } from './bytes.ts'
import {
  addSignatures,
  type DelegationEntry,
  decodeEnvelope,
  type Envelope,
  encodeEnvelope,
  type RoleKeys,
  type RootPart,
  type SnapshotPart,
  SPEC_VERSION,
  type TargetEntry,
  type TargetsPart,
  type TimestampPart,
  validSignatures
} from './envelope.ts'
import { EXPIRY } from './expiry.ts'
import { keyId, type Signer, tufKey } from './keys.ts'
import { CHASQUI_PROFILE } from './metadata.ts'
import { matchesPattern } from './path-pattern.ts'
import type { Trust } from './trust.ts'

/** The metadata that a change starts from, verbatim. Delegated roles: those that the change touches. */
export interface Current {
  root: Uint8Array
  timestamp?: Uint8Array
  snapshot?: Uint8Array
  targets?: Uint8Array
  roles: ReadonlyMap<string, Uint8Array>
}

/** What a change comes to: repository files to add (`3.m.pos_base.json`) and those that nobody needs any more. */
export interface Publication {
  files: Map<string, Uint8Array>
  obsolete: string[]
}

export interface MissingSignatures {
  role: string
  have: number
  need: number
  /** ids of the keys that could still sign */
  keyids: string[]
}

export interface Delegate {
  name: string
  keys: readonly Uint8Array[]
  threshold: number
  paths: readonly string[]
  terminating?: boolean
}

/** Versions above this are the work of a thief (fast-forward) and start again at 1 once root has rotated the key. */
const SANE_VERSION = 2 ** 50

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
    const roles = this.#targetsPart().delegations?.roles ?? []
    return roles.find((role) => role.paths.some((pattern) => matchesPattern(path, pattern)))?.name ?? null
  }

  delegation(name: string): DelegationEntry | null {
    return this.#targetsPart().delegations?.roles.find((role) => role.name === name) ?? null
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

  /** Adds a delegation to targets, or changes its keys, threshold and paths. Exact module roles come before patterns. */
  delegate(delegate: Delegate): void {
    if (!CHASQUI_PROFILE.roleNames.test(delegate.name) || isTopLevel(delegate.name)) {
      throw new ChasquiError('ROLE_NAME', `a role cannot be called "${delegate.name}"`, {
        hint: 'use lower-case letters, digits, "_", "-" and "."'
      })
    }
    checkThreshold(delegate.name, delegate.keys.length, delegate.threshold)
    const part = this.#editTargets()
    part.delegations ??= { keys: {}, roles: [] }
    const { keys, roles } = part.delegations
    for (const key of delegate.keys) keys[keyId(key)] = tufKey(key)
    const entry: DelegationEntry = {
      name: delegate.name,
      keyids: delegate.keys.map(keyId),
      threshold: delegate.threshold,
      terminating: delegate.terminating ?? true,
      paths: [...delegate.paths]
    }
    const place = roles.findIndex((role) => role.name === delegate.name)
    if (place >= 0) roles[place] = entry
    else roles.splice(isExact(entry) ? firstPattern(roles) : roles.length, 0, entry)
    this.#dropUnusedKeys(part)
    // a role that exists has to be signed again by its new keys, or nobody could read it any more
    if (this.#lastVersion(delegate.name) === 0) return
    if (!this.#current.roles.has(delegate.name))
      throw new TypeError(`${delegate.name} must be loaded to be changed`)
    this.#editRole(delegate.name)
  }

  /** Names of the delegated roles that a key (TUF key id) signs. */
  rolesOfKey(keyid: string): string[] {
    const roles = this.#targetsPart().delegations?.roles ?? []
    return roles.filter((role) => role.keyids.includes(keyid)).map((role) => role.name)
  }

  /** Public keys of a delegated role. */
  keysOf(role: string): Uint8Array[] {
    const { keys = {} } = this.#targetsPart().delegations ?? {}
    const ids = this.delegation(role)?.keyids ?? []
    return ids.flatMap((id) => fromHex(keys[id]?.keyval.public ?? '', 32) ?? [])
  }

  /** Ends a delegation: what it listed no longer counts. */
  removeDelegation(name: string): void {
    const part = this.#editTargets()
    if (part.delegations === undefined) return
    part.delegations.roles = part.delegations.roles.filter((role) => role.name !== name)
    this.#changed.delete(name)
    this.#dropUnusedKeys(part)
  }

  #dropUnusedKeys(part: TargetsPart): void {
    if (part.delegations === undefined) return
    const used = new Set(part.delegations.roles.flatMap((role) => role.keyids))
    const kept = Object.entries(part.delegations.keys).filter(([id]) => used.has(id))
    part.delegations.keys = Object.fromEntries(kept)
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
    if (!sameKeys(this.#root.signed.roles.targets, next.roles.targets)) this.#editTargets()
    this.#noteRotation(next)
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
      this.#signersOf(role).flatMap(({ keyids, threshold, keys }) => {
        const have = validSignatures(envelope, keyids, keys)
        const open = keyids.filter((id) => !have.includes(id))
        return have.length >= threshold ? [] : [{ role, have: have.length, need: threshold, keyids: open }]
      })
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
    const files = new Map<string, Uint8Array>()
    for (const [role, envelope] of this.#changed) {
      files.set(`${envelope.signed.version}.${role}.json`, encodeEnvelope(envelope))
    }
    const snapshot = this.#finishSnapshot(files, signers)
    files.set('timestamp.json', encodeEnvelope(this.#makeTimestamp(snapshot, signers)))
    return { files, obsolete: this.#obsolete(files, snapshot.signed.version) }
  }

  #finishSnapshot(files: Map<string, Uint8Array>, signers: readonly Signer[]): Envelope<SnapshotPart> {
    const last = this.#current.snapshot && decodeEnvelope<SnapshotPart>(this.#current.snapshot)
    const written = [...this.#changed].filter(([role]) => role !== 'root')
    if (last !== undefined && written.length === 0 && !this.#restartOnline) return last
    const meta = { ...last?.signed.meta }
    for (const [role, { signed }] of written) meta[`${role}.json`] = { version: signed.version }
    const signed: SnapshotPart = {
      _type: 'snapshot',
      spec_version: SPEC_VERSION,
      version: this.#nextOnline(last?.signed.version),
      expires: formatTime(this.#now + EXPIRY.snapshot),
      meta
    }
    const snapshot = this.#signOnline('snapshot', { signatures: [], signed }, signers)
    files.set(`${signed.version}.snapshot.json`, encodeEnvelope(snapshot))
    return snapshot
  }

  #makeTimestamp(snapshot: Envelope<SnapshotPart>, signers: readonly Signer[]): Envelope<TimestampPart> {
    const last = this.#current.timestamp && decodeEnvelope<TimestampPart>(this.#current.timestamp)
    const bytes = encodeEnvelope(snapshot)
    const { version } = snapshot.signed
    const signed: TimestampPart = {
      _type: 'timestamp',
      spec_version: SPEC_VERSION,
      version: this.#nextOnline(last?.signed.version),
      expires: formatTime(this.#now + EXPIRY.timestamp),
      meta: { 'snapshot.json': { version, length: bytes.length, hashes: { sha256: sha256Hex(bytes) } } },
      'x-chasqui': { signed: formatTime(this.#now) }
    }
    return this.#signOnline('timestamp', { signatures: [], signed }, signers)
  }

  #nextOnline(last = 0): number {
    if (last <= SANE_VERSION) return last + 1
    if (this.#restartOnline) return 1
    throw new ChasquiError('TUF_LIMIT', `the online key has signed version ${last}: somebody else used it`, {
      hint: 'replace it with "publisher keys rotate online"'
    })
  }

  #signOnline<T extends SnapshotPart | TimestampPart>(
    role: 'snapshot' | 'timestamp',
    envelope: Envelope<T>,
    signers: readonly Signer[]
  ): Envelope<T> {
    const { keyids, threshold } = this.root.roles[role]
    const signed = addSignatures(envelope, keyids, signers)
    if (validSignatures(signed, keyids, this.root.keys).length >= threshold) return signed
    throw new ChasquiError('KEY_MISSING', `the online key that signs ${role} is not here`, {
      hint: 'run this on the publisher\'s machine, or restore its keys with "publisher keys restore"'
    })
  }

  /** Every file version that this change replaces, but roots: the chain is needed for ever. */
  #obsolete(files: ReadonlyMap<string, Uint8Array>, snapshot: number): string[] {
    if (this.#current.snapshot === undefined) return []
    const last = decodeEnvelope<SnapshotPart>(this.#current.snapshot).signed
    const roles = [...this.#changed.keys()].filter((role) => role !== 'root')
    const names = roles.flatMap((role) => {
      const before = last.meta[`${role}.json`]?.version
      return before === undefined ? [] : [`${before}.${role}.json`]
    })
    if (last.version !== snapshot) names.push(`${last.version}.snapshot.json`)
    return names.filter((name) => !files.has(name))
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
    next.signed.version = last === null ? this.#lastVersion(role) + 1 : last.signed.version + 1
    next.signed.expires = formatTime(this.#now + EXPIRY.targets)
    this.#changed.set(role, next)
    return next.signed
  }

  /** A role that was removed and comes back goes on from its old number: snapshots never forget a role. */
  #lastVersion(role: string): number {
    if (this.#current.snapshot === undefined) return 0
    const meta = decodeEnvelope<SnapshotPart>(this.#current.snapshot).signed.meta
    return meta[`${role}.json`]?.version ?? 0
  }

  /** Root is signed by its former keys and by its new ones; everything else by one set. */
  #signersOf(role: string): (RoleKeys & { keys: RootPart['keys'] })[] {
    const { keys } = this.root
    if (role === 'root') {
      const former = { ...this.#root.signed.roles.root, keys: this.#root.signed.keys }
      const isSame = sameKeys(former, this.root.roles.root)
      return isSame ? [former] : [former, { ...this.root.roles.root, keys }]
    }
    if (role === 'targets') return [{ ...this.root.roles.targets, keys }]
    const found = this.delegation(role)
    if (found === null) throw new ChasquiError('ROLE_NAME', `there is no role ${role}`)
    return [{ ...found, keys: this.#targetsPart().delegations?.keys ?? {} }]
  }
}

function emptyTargets(now: number): Envelope<TargetsPart> {
  const expires = formatTime(now + EXPIRY.targets)
  return {
    signatures: [],
    signed: { _type: 'targets', spec_version: SPEC_VERSION, version: 1, expires, targets: {} }
  }
}

function isTopLevel(name: string): boolean {
  return ['root', 'targets', 'snapshot', 'timestamp'].includes(name)
}

function isExact(role: DelegationEntry): boolean {
  return role.paths.every((path) => !/[*?]/.test(path.split('/')[1] ?? '*'))
}

function firstPattern(roles: readonly DelegationEntry[]): number {
  const place = roles.findIndex((role) => !isExact(role))
  return place < 0 ? roles.length : place
}

function sameKeys(a: RoleKeys, b: RoleKeys): boolean {
  return a.threshold === b.threshold && [...a.keyids].sort().join() === [...b.keyids].sort().join()
}

function checkThreshold(role: string, keys: number, threshold: number): void {
  if (Number.isSafeInteger(threshold) && threshold >= 1 && threshold <= keys) return
  throw new ChasquiError('USAGE', `${role} cannot need ${threshold} of ${keys} keys`, {
    hint: 'the threshold is at least 1 and at most the number of keys'
  })
}
