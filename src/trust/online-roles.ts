// Snapshot and timestamp of a change: they follow from everything else, are made last and are signed by the online keys.
import { ChasquiError } from '../errors.ts'
import { formatTime, sha256Hex } from './bytes.ts'
import type { Current } from './current.ts'
import {
  addSignatures,
  decodeEnvelope,
  type Envelope,
  encodeEnvelope,
  type RootPart,
  type SnapshotPart,
  SPEC_VERSION,
  type TargetsPart,
  type TimestampPart,
  validSignatures
} from './envelope.ts'
import { EXPIRY } from './expiry.ts'
import type { Signer } from './keys.ts'
import { nextEra, nextOnline, SANE_VERSION } from './versions.ts'

/** What a change comes to: repository files to add (`3.m.pos_base.json`) and those that nobody needs any more. */
export interface Publication {
  files: Map<string, Uint8Array>
  obsolete: string[]
}

/** A change whose root, targets and delegated roles are signed. */
export interface SignedChange {
  current: Current
  /** what it writes, by role */
  changed: ReadonlyMap<string, Envelope<RootPart | TargetsPart>>
  isDelegated(role: string): boolean
  /** root replaces the online keys: branches forget the last snapshot and timestamp */
  isRestart: boolean
  root: Readonly<RootPart>
  signers: readonly Signer[]
  /** ms since the epoch */
  now: number
}

/** Adds snapshot and timestamp. Throws KEY_MISSING (online key), TUF_LIMIT. */
export function finishOnline(change: SignedChange): Publication {
  const files = new Map<string, Uint8Array>()
  for (const [role, envelope] of change.changed) {
    files.set(`${envelope.signed.version}.${role}.json`, encodeEnvelope(envelope))
  }
  const last = lastOf<SnapshotPart>(change.current.snapshot)
  const isWritten = [...change.changed.keys()].some((role) => role !== 'root')
  const isSame = last !== null && !isWritten && !change.isRestart
  const snapshot = isSame ? last : makeSnapshot(change, last, files)
  files.set('timestamp.json', encodeEnvelope(makeTimestamp(change, snapshot)))
  return { files, obsolete: obsolete(change, last, files) }
}

function makeSnapshot(
  change: SignedChange,
  last: Envelope<SnapshotPart> | null,
  files: Map<string, Uint8Array>
): Envelope<SnapshotPart> {
  const signed: SnapshotPart = {
    _type: 'snapshot',
    spec_version: SPEC_VERSION,
    version: nextSnapshot(change, last?.signed.version ?? 0),
    expires: formatTime(change.now + EXPIRY.snapshot),
    meta: metaOf(change, last, files)
  }
  const snapshot = signOnline('snapshot', { signatures: [], signed }, change)
  files.set(`${signed.version}.snapshot.json`, encodeEnvelope(snapshot))
  return snapshot
}

function metaOf(
  change: SignedChange,
  last: Envelope<SnapshotPart> | null,
  files: Map<string, Uint8Array>
): SnapshotPart['meta'] {
  const isMadeAnew = change.isRestart && change.current.isWhole === true
  const meta = isMadeAnew ? metaOfWhole(change, files) : { ...last?.signed.meta }
  for (const [role, { signed }] of change.changed) {
    if (role !== 'root') meta[`${role}.json`] = { version: signed.version }
  }
  return meta
}

/** A thief of the online keys may have listed anything: nothing of his snapshot is kept, every file is given again. */
function metaOfWhole(change: SignedChange, files: Map<string, Uint8Array>): SnapshotPart['meta'] {
  const { targets, roles } = change.current
  const meta: SnapshotPart['meta'] = {}
  const add = (role: string, bytes: Uint8Array) => {
    if (change.changed.has(role)) return
    const { version } = decodeEnvelope(bytes).signed
    meta[`${role}.json`] = { version }
    files.set(`${version}.${role}.json`, bytes)
  }
  if (targets !== undefined) add('targets', targets)
  for (const [role, bytes] of roles) if (change.isDelegated(role)) add(role, bytes)
  return meta
}

function nextSnapshot({ isRestart, current }: SignedChange, last: number): number {
  if (isRestart) return nextEra(last)
  if (last > 0 || decodeEnvelope(current.root).signed.version === 1) return nextOnline(last)
  throw new ChasquiError('TUF_LIMIT', 'there is no snapshot that a new one could follow', {
    hint: 'start again with another online key: "publisher keys rotate online"'
  })
}

function makeTimestamp(change: SignedChange, snapshot: Envelope<SnapshotPart>): Envelope<TimestampPart> {
  const bytes = encodeEnvelope(snapshot)
  const hashes = { sha256: sha256Hex(bytes) }
  const last = lastOf(change.current.timestamp)?.signed.version ?? 0
  const signed: TimestampPart = {
    _type: 'timestamp',
    spec_version: SPEC_VERSION,
    version: change.isRestart && last > SANE_VERSION ? 1 : nextOnline(last),
    expires: formatTime(change.now + EXPIRY.timestamp),
    meta: { 'snapshot.json': { version: snapshot.signed.version, length: bytes.length, hashes } },
    'x-chasqui': { signed: formatTime(change.now) }
  }
  return signOnline('timestamp', { signatures: [], signed }, change)
}

function signOnline<T extends SnapshotPart | TimestampPart>(
  role: 'snapshot' | 'timestamp',
  envelope: Envelope<T>,
  { root, signers }: SignedChange
): Envelope<T> {
  const { keyids, threshold } = root.roles[role]
  const signed = addSignatures(envelope, keyids, signers)
  if (validSignatures(signed, keyids, root.keys).length >= threshold) return signed
  throw new ChasquiError('KEY_MISSING', `the online key that signs ${role} is not here`, {
    hint: 'run this on the publisher\'s machine, or restore its keys with "publisher keys restore"'
  })
}

/** Every file version that this change replaces, but roots: the chain is needed for ever. */
function obsolete(
  { changed }: SignedChange,
  last: Envelope<SnapshotPart> | null,
  files: ReadonlyMap<string, Uint8Array>
): string[] {
  if (last === null) return []
  const names = [...changed.keys()].flatMap((role) => {
    const before = role === 'root' ? undefined : last.signed.meta[`${role}.json`]?.version
    return before === undefined ? [] : [`${before}.${role}.json`]
  })
  if ([...files.keys()].some((name) => name.endsWith('.snapshot.json'))) {
    names.push(`${last.signed.version}.snapshot.json`)
  }
  return names.filter((name) => !files.has(name))
}

function lastOf<T extends SnapshotPart | TimestampPart>(bytes: Uint8Array | undefined): Envelope<T> | null {
  return bytes === undefined ? null : decodeEnvelope<T>(bytes)
}
