// One TUF metadata file: bytes in, checked object out, and the threshold check. The formats and the signature check are
// @tufjs/models'; what that library lets pass (fractions as versions, role names that reorder or replace one another,
// one key under two ids) is refused here, and its copying of a whole map for each
// entry (seconds for 20,000 targets, before any signature is checked) is avoided. No I/O, no clock.
import { createPublicKey, verify } from 'node:crypto'
import {
  Key,
  Metadata,
  MetadataKind,
  MetaFile,
  type Root,
  type Signature,
  type Snapshot,
  TargetFile,
  type Targets,
  type Timestamp
} from '@tufjs/models'
import { ChasquiError } from '../errors.ts'
import { canonicalBytes, parseTime } from './bytes.ts'
import { LIMITS } from './limits.ts'
import type { DelegatedRole, SuccinctRoles } from './path-pattern.ts'
import { DelegationIndex } from './path-pattern.ts'

/** What a verifier accepts beyond the rules of TUF that always hold. */
export interface TrustProfile {
  /** strict: expired metadata is refused (TUF); tolerant: it is accepted and makes the branch stale (DESIGN 4.1) */
  expiry: 'strict' | 'tolerant'
  /** names of delegated roles */
  roleNames: RegExp
  /** only Ed25519 keys written as 64 lower-case hex digits */
  ed25519Only: boolean
  /** a delegated role that the snapshot does not list is empty (it has published nothing yet), not an error */
  unpublishedRoles: boolean
}

export const CHASQUI_PROFILE: TrustProfile = {
  expiry: 'tolerant',
  roleNames: /^[a-z][a-z0-9_.-]{0,127}$/,
  ed25519Only: true,
  unpublishedRoles: true
}

/** Any repository that follows the TUF specification, as its conformance suite has them. */
export const TUF_PROFILE: TrustProfile = {
  expiry: 'strict',
  // biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what it refuses
  roleNames: /^[^\u0000-\u001f]{1,250}$/u,
  ed25519Only: false,
  unpublishedRoles: false
}

const TOP_LEVEL = ['root', 'targets', 'snapshot', 'timestamp'] as const

export interface Parsed<T> {
  signed: T
  /** the signed part exactly as the file has it */
  raw: Record<string, unknown>
  signatures: Readonly<Record<string, Signature>>
  /** the file verbatim */
  bytes: Uint8Array
}

export interface Delegations {
  keys: ReadonlyMap<string, Key>
  roles: readonly DelegatedRole[]
  byName: ReadonlyMap<string, DelegatedRole>
  index: DelegationIndex
  succinct: SuccinctRoles | null
}

export interface ParsedTargets extends Parsed<Targets> {
  delegations: Delegations | null
}

/** A role's signers: who may sign and how many must. */
export interface SigningRole {
  keyIDs: readonly string[]
  threshold: number
}

type JsonObject = Record<string, unknown>
type ModelJson = Parameters<typeof Metadata.fromJSON>[1]

export function parseRoot(bytes: Uint8Array, profile: TrustProfile): Parsed<Root> {
  return guard('root', bytes, () => {
    const { json, raw } = readEnvelope(bytes, LIMITS.rootBytes)
    requireUniqueStrings(Object.values(asObject(raw.roles)).map((role) => asObject(role).keyids))
    const metadata = Metadata.fromJSON(MetadataKind.Root, json)
    checkCommon(metadata.signed)
    for (const role of Object.values(metadata.signed.roles)) requirePositive(role.threshold, 'threshold')
    for (const key of Object.values(metadata.signed.keys)) checkKey(key, profile)
    return finish(metadata, raw, bytes)
  })
}

export function parseTimestamp(bytes: Uint8Array): Parsed<Timestamp> {
  return guard('timestamp', bytes, () => {
    const { json, raw } = readEnvelope(bytes, LIMITS.timestampBytes)
    if (!Object.hasOwn(asObject(raw.meta), 'snapshot.json'))
      throw new TypeError('snapshot.json is missing from meta')
    const metadata = Metadata.fromJSON(MetadataKind.Timestamp, json)
    checkCommon(metadata.signed)
    checkMetaFile(metadata.signed.snapshotMeta)
    return finish(metadata, raw, bytes)
  })
}

export function parseSnapshot(bytes: Uint8Array): Parsed<Snapshot> {
  return guard('snapshot', bytes, () => {
    const { json, raw } = readEnvelope(bytes, LIMITS.snapshotBytes)
    const meta = asObject(raw.meta)
    if (!Object.hasOwn(meta, 'targets.json')) throw new TypeError('targets.json is missing from meta')
    refusePrototypeNames(Object.keys(meta))
    const small = { ...json, signed: { ...raw, meta: {} } } as ModelJson
    const metadata = Metadata.fromJSON(MetadataKind.Snapshot, small)
    checkCommon(metadata.signed)
    for (const [name, file] of Object.entries(meta)) {
      metadata.signed.meta[name] = checkMetaFile(MetaFile.fromJSON(asObject(file) as ModelJson))
    }
    return finish(metadata, raw, bytes)
  })
}

export function parseTargets(bytes: Uint8Array, profile: TrustProfile, name = 'targets'): ParsedTargets {
  return guard(name, bytes, () => {
    const { json, raw } = readEnvelope(bytes, LIMITS.targetsBytes)
    const targets = Object.entries(asObject(raw.targets))
    refusePrototypeNames(targets.map(([path]) => path))
    const delegations =
      raw.delegations === undefined ? null : readDelegations(asObject(raw.delegations), profile)
    const { delegations: _, ...rest } = raw
    const small = { ...json, signed: { ...rest, targets: {} } } as ModelJson
    const metadata = Metadata.fromJSON(MetadataKind.Targets, small)
    checkCommon(metadata.signed)
    for (const [path, value] of targets) {
      const target = TargetFile.fromJSON(path, asObject(value) as ModelJson)
      requireLength(target.length)
      metadata.signed.targets[path] = target
    }
    return { ...finish(metadata, raw, bytes), delegations }
  })
}

/** Throws TUF_SIGNATURES unless enough different keys of the role signed. A verifier that throws counts as "no". */
export function verifyThreshold(
  name: string,
  metadata: Parsed<Root | Snapshot | Targets | Timestamp>,
  role: SigningRole,
  keys: ReadonlyMap<string, Key>
): void {
  const signers = new Set<string>()
  for (const keyID of role.keyIDs) {
    const key = keys.get(keyID)
    if (key !== undefined && isSignedBy(metadata, key)) signers.add(`${key.scheme} ${key.keyVal.public}`)
  }
  if (signers.size >= role.threshold) return
  throw new ChasquiError(
    'TUF_SIGNATURES',
    `${name} is signed by ${signers.size} of the ${role.threshold} keys that it needs`,
    { hint: 'this copy does not come from the publisher; nothing was changed' }
  )
}

function isSignedBy(metadata: Parsed<Root | Snapshot | Targets | Timestamp>, key: Key): boolean {
  try {
    if (key.scheme === 'rsa-pkcs1v15-sha256') return isSignedByPkcs1(metadata, key)
    key.verifySignature({ signed: metadata.signed, signatures: metadata.signatures })
    return true
  } catch {
    return false
  }
}

/** A scheme of older repositories that @tufjs/models does not know; fleets of Chasqui have Ed25519 only. */
function isSignedByPkcs1(metadata: Parsed<Root | Snapshot | Targets | Timestamp>, key: Key): boolean {
  const { sig = '' } = metadata.signatures[key.keyID] ?? {}
  const publicKey = createPublicKey(String(key.keyVal.public))
  if (key.keyType !== 'rsa' || publicKey.asymmetricKeyType !== 'rsa') return false
  return verify('sha256', canonicalBytes(metadata.raw), publicKey, Buffer.from(sig, 'hex'))
}

/** The keys of a root file by id. */
export function rootKeys(root: Root): Map<string, Key> {
  return new Map(Object.entries(root.keys))
}

/** Milliseconds since the epoch. */
export function expiresAt(signed: Root | Snapshot | Targets | Timestamp): number {
  return Date.parse(signed.expires)
}

/** When a timestamp says it was signed (field `x-chasqui.signed`): ms since the epoch, or null. */
export function signedAt(timestamp: Record<string, unknown>): number | null {
  const own = timestamp['x-chasqui']
  return typeof own === 'object' && own !== null ? parseTime((own as { signed?: unknown }).signed) : null
}

function guard<T>(name: string, bytes: Uint8Array, parse: () => T): T {
  try {
    return parse()
  } catch (cause) {
    if (cause instanceof ChasquiError) throw cause
    const reason = cause instanceof Error ? cause.message.slice(0, 200) : 'unreadable'
    throw new ChasquiError(
      'TUF_MALFORMED',
      `${name} (${bytes.length} bytes) is not valid TUF metadata: ${reason}`,
      {
        cause
      }
    )
  }
}

function readEnvelope(bytes: Uint8Array, limit: number) {
  if (bytes.length > limit) {
    throw new ChasquiError(
      'TUF_TOO_LARGE',
      `metadata of ${bytes.length} bytes is above the limit of ${limit}`
    )
  }
  const text = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes)
  const json = asObject(JSON.parse(text)) as ModelJson
  if (!Array.isArray(json.signatures) || json.signatures.length > LIMITS.signatures) {
    throw new TypeError(`signatures must be a list of at most ${LIMITS.signatures}`)
  }
  return { json, raw: asObject(json.signed) }
}

/** The signature check runs over what the file says, not over what the model would write again. */
function finish<T extends Root | Snapshot | Targets | Timestamp>(
  metadata: Metadata<T>,
  raw: JsonObject,
  bytes: Uint8Array
): Parsed<T> {
  Object.defineProperty(metadata.signed, 'toJSON', { value: () => raw })
  return { signed: metadata.signed, raw, signatures: metadata.signatures, bytes }
}

function checkCommon(signed: Root | Snapshot | Targets | Timestamp): void {
  requirePositive(signed.version, 'version')
  // TUF 4.2.1: ISO 8601 in UTC, no fraction; a malformed expiry is an error, never "does not expire"
  const match = /^(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)Z$/.exec(signed.expires)
  if (match === null || new Date(signed.expires).toISOString().slice(0, 19) !== match[1]) {
    throw new TypeError('expires is not a UTC time')
  }
}

function checkMetaFile(file: MetaFile): MetaFile {
  requirePositive(file.version, 'version')
  if (file.length !== undefined) requireLength(file.length)
  return file
}

function requirePositive(value: number, what: string): void {
  if (!Number.isSafeInteger(value) || value < 1) throw new TypeError(`${what} must be a positive integer`)
}

function requireLength(value: number): void {
  if (!Number.isSafeInteger(value) || value < 0) throw new TypeError('length must be an integer')
}

function checkKey(key: Key, profile: TrustProfile): void {
  if (!profile.ed25519Only) return
  const valid =
    key.keyType === 'ed25519' && key.scheme === 'ed25519' && /^[0-9a-f]{64}$/.test(String(key.keyVal.public))
  if (!valid) throw new TypeError(`key ${key.keyID.slice(0, 16)} is not an Ed25519 key`)
}

function readDelegations(raw: JsonObject, profile: TrustProfile): Delegations {
  const keys = new Map<string, Key>()
  for (const [id, value] of Object.entries(asObject(raw.keys))) {
    const key = Key.fromJSON(id, asObject(value) as ModelJson)
    checkKey(key, profile)
    keys.set(id, key)
  }
  if ((raw.roles === undefined) === (raw.succinct_roles === undefined)) {
    throw new TypeError('delegations need either roles or succinct_roles')
  }
  const roles =
    raw.roles === undefined ? [] : asArray(raw.roles).map((role) => readRole(asObject(role), profile))
  const byName = new Map(roles.map((role) => [role.name, role]))
  if (byName.size !== roles.length) throw new TypeError('two delegated roles have one name')
  const succinct =
    raw.succinct_roles === undefined ? null : readSuccinct(asObject(raw.succinct_roles), profile)
  return { keys, roles, byName, index: new DelegationIndex(roles), succinct }
}

function readRole(raw: JsonObject, profile: TrustProfile): DelegatedRole {
  const name = asString(raw.name)
  checkRoleName(name, profile)
  const paths = raw.paths === undefined ? null : asArray(raw.paths).map(asString)
  const prefixes = raw.path_hash_prefixes === undefined ? null : asArray(raw.path_hash_prefixes).map(asString)
  if ((paths === null) === (prefixes === null))
    throw new TypeError(`${name} needs paths or path_hash_prefixes`)
  if (prefixes?.some((prefix) => !/^[0-9a-f]{1,64}$/.test(prefix)))
    throw new TypeError(`${name} has a bad hash prefix`)
  if (typeof raw.terminating !== 'boolean') throw new TypeError('terminating must be true or false')
  return { name, ...readSigners(raw), terminating: raw.terminating, paths, pathHashPrefixes: prefixes }
}

function readSuccinct(raw: JsonObject, profile: TrustProfile): SuccinctRoles {
  const namePrefix = asString(raw.name_prefix)
  checkRoleName(`${namePrefix}-0`, profile)
  const bitLength = raw.bit_length as number
  if (!Number.isSafeInteger(bitLength) || bitLength < 1 || bitLength > 32) {
    throw new TypeError('bit_length must be 1 to 32')
  }
  return { namePrefix, bitLength, ...readSigners(raw) }
}

function readSigners(raw: JsonObject): { keyIDs: string[]; threshold: number } {
  requireUniqueStrings([raw.keyids])
  const threshold = raw.threshold as number
  requirePositive(threshold, 'threshold')
  return { keyIDs: raw.keyids as string[], threshold }
}

function checkRoleName(name: string, profile: TrustProfile): void {
  const reserved = (TOP_LEVEL as readonly string[]).includes(name) || name === '__proto__'
  if (reserved || !profile.roleNames.test(name)) {
    throw new TypeError(`a delegated role cannot be called ${JSON.stringify(name.slice(0, 60))}`)
  }
}

function requireUniqueStrings(lists: unknown[]): void {
  for (const list of lists) {
    const ids = asArray(list).map(asString)
    if (new Set(ids).size !== ids.length) throw new TypeError('a key id is listed twice')
  }
}

function refusePrototypeNames(names: string[]): void {
  if (names.includes('__proto__')) throw new TypeError('__proto__ is not a name')
}

function asObject(value: unknown): JsonObject {
  if (typeof value !== 'object' || value === null || Array.isArray(value))
    throw new TypeError('an object is missing')
  return value as JsonObject
}

function asArray(value: unknown): unknown[] {
  if (!Array.isArray(value)) throw new TypeError('a list is missing')
  return value
}

function asString(value: unknown): string {
  if (typeof value !== 'string') throw new TypeError('a text is missing')
  return value
}
