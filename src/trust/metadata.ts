// One TUF metadata file: bytes in, checked object out. The formats are @tufjs/models'; what that library lets pass (fractions
// as versions, names that replace one another, a key id twice) is refused here, and its copying of a whole map for each entry
// (seconds for 20,000 targets, before any signature is checked) is avoided. No I/O, no clock.
import {
  type Key,
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
import { parseTime } from './bytes.ts'
import { LIMITS } from './limits.ts'
import type { TrustProfile } from './profile.ts'
import { checkKey, type Delegations, readDelegations } from './read-delegations.ts'
import {
  asObject,
  type JsonObject,
  type ModelJson,
  refusePrototypeNames,
  requireLength,
  requirePositive,
  requireUniqueStrings
} from './read-json.ts'

export interface Parsed<T> {
  signed: T
  /** the signed part exactly as the file has it */
  raw: Record<string, unknown>
  signatures: Readonly<Record<string, Signature>>
  /** the file verbatim */
  bytes: Uint8Array
}

export interface ParsedTargets extends Parsed<Targets> {
  delegations: Delegations | null
}

/** Throws TUF_MALFORMED, TUF_TOO_LARGE, as the three below. */
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

/** Throws TUF_MALFORMED, TUF_TOO_LARGE. */
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

/** Throws TUF_MALFORMED, TUF_TOO_LARGE. */
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

/** `name`: of the role, for errors. Throws TUF_MALFORMED, TUF_TOO_LARGE. */
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
