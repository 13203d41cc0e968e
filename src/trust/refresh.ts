// Brings a TrustedSet up to date from wherever metadata comes from (a feed, a stick, a web server, memory) and keeps
// what it accepted in a durable store. The workflow of TUF §5 asks for exactly the files that it needs, in order.
import { ChasquiError } from '../errors.ts'
import { fileNameFor, percentEncode, sha256Hex } from './bytes.ts'
import { LIMITS } from './limits.ts'
import { type ParsedTargets, rootKeys } from './metadata.ts'
import { binFor, type DelegatedRole } from './path-pattern.ts'
import { CHASQUI_PROFILE, type TrustProfile } from './profile.ts'
import { type Trust, trustOf } from './trust.ts'
import { TrustedSet } from './trusted-set.ts'

/** Where metadata comes from. Names as in a TUF repository: `2.root.json`, `timestamp.json`, `3.m.pos_base.json`. */
export interface MetadataSource {
  /** The file, or null when it is not there. Must not give more than `limit` bytes (it may throw TUF_TOO_LARGE). */
  read(name: string, limit: number): Promise<Uint8Array | null>
}

/** What this client has accepted: unversioned names (`root.json`, `m.pos_base.json`) and `roots/<n>.root.json`. */
export interface TrustStore {
  load(): Promise<Map<string, Uint8Array>>
  /** Durable when it returns, applied in the order of the map; null deletes. */
  save(changes: ReadonlyMap<string, Uint8Array | null>): Promise<void>
}

export interface RefreshOptions {
  store: TrustStore
  /** null: only what the store has */
  source: MetadataSource | null
  /** milliseconds since the epoch */
  now: number
  /** hex SHA-256 of root version 1; needed when the store may be empty */
  fleetId?: string
  profile?: TrustProfile
  /** keep every root version, so that the chain can be handed on (gossip, sticks) */
  keepRoots?: boolean
}

/**
 * TUF §5.2 to 5.6 for the top-level roles; delegated roles are loaded by the look-ups of the result.
 * Throws TUF_*, FLEET_MISMATCH.
 */
export async function refreshTrust(options: RefreshOptions): Promise<Trust> {
  const session = await openSession(options)
  await updateRoots(session)
  await updateTimestamp(session)
  await updateSnapshot(session)
  await loadRole(session, 'targets', 'root')
  return trustOf(session.set, session.now, {
    rolesFor: (path) => candidates(path),
    isPublished: (role) =>
      !session.profile.unpublishedRoles || role === 'targets' || session.set.isListed(role),
    load: (role, delegator) => loadRole(session, role, delegator)
  })
}

interface Session {
  set: TrustedSet
  store: TrustStore
  stored: Map<string, Uint8Array>
  source: MetadataSource | null
  now: number
  profile: TrustProfile
  keepRoots: boolean
}

async function openSession(options: RefreshOptions): Promise<Session> {
  const { store, source, now } = options
  const stored = await store.load()
  const profile = options.profile ?? CHASQUI_PROFILE
  const start = (root: Uint8Array) => new TrustedSet(root, { now, profile })
  const kept = stored.get('root.json')
  const set = (kept === undefined ? null : openKept(kept, start, options)) ?? start(await firstRoot(options))
  const session = { set, store, stored, source, now, profile, keepRoots: options.keepRoots ?? false }
  if (set.root.bytes !== kept) await persistRoot(session, set.root.bytes, false)
  return session
}

/** The stored root; null when the disk spoiled it and the fleet id can say which one to begin with again. */
function openKept(
  root: Uint8Array,
  start: (root: Uint8Array) => TrustedSet,
  { fleetId, source }: RefreshOptions
): TrustedSet | null {
  try {
    return start(root)
  } catch (error) {
    if (error instanceof ChasquiError && fleetId !== undefined && source !== null) return null
    throw error
  }
}

/** The first root comes from anywhere: the fleet id, which the invite carries, decides. */
async function firstRoot({ source, fleetId }: RefreshOptions): Promise<Uint8Array> {
  const bytes = (await source?.read('1.root.json', LIMITS.rootBytes)) ?? null
  if (bytes === null || fleetId === undefined) {
    throw new ChasquiError('TUF_MISSING', 'there is no root metadata yet', {
      hint: 'bring it by network or stick'
    })
  }
  if (sha256Hex(bytes) === fleetId) return bytes
  throw new ChasquiError('FLEET_MISMATCH', 'the root metadata belongs to another fleet', {
    hint: 'look for a feed or a stick of the fleet of the invite'
  })
}

/** TUF 5.3: one version after the other until there is none. */
async function updateRoots(session: Session): Promise<void> {
  if (session.source === null) return
  for (let walked = 0; walked < LIMITS.rootRotations; walked++) {
    const before = session.set.root.signed
    const bytes = await session.source.read(`${before.version + 1}.root.json`, LIMITS.rootBytes)
    if (bytes === null) return
    session.set.updateRoot(bytes)
    await persistRoot(session, bytes, isRotated(before, session.set.root.signed))
  }
  throw new ChasquiError('TUF_LIMIT', `more than ${LIMITS.rootRotations} new versions of root`, {
    hint: 'run it again: it goes on from the last one'
  })
}

/**
 * TUF 5.3.11: when a key of the timestamp or snapshot role was taken out, what those roles signed before no longer
 * counts as a floor: recovery from a stolen key that signed far-away versions or times.
 */
function isRotated(before: TrustedSet['root']['signed'], after: TrustedSet['root']['signed']): boolean {
  const keys = rootKeys(after)
  return ['timestamp', 'snapshot'].some((role) =>
    before.roles[role]?.keyIDs.some((id) => !after.roles[role]?.keyIDs.includes(id) || !keys.has(id))
  )
}

async function persistRoot(session: Session, bytes: Uint8Array, forget: boolean): Promise<void> {
  const changes = new Map<string, Uint8Array | null>()
  // deleted first: cut after this, the next run sees the rotation again
  if (forget) for (const name of ['timestamp.json', 'snapshot.json']) changes.set(name, null)
  if (session.keepRoots) changes.set(`roots/${session.set.root.signed.version}.root.json`, bytes)
  changes.set('root.json', bytes)
  await persist(session, changes)
}

/** TUF 5.4. */
async function updateTimestamp(session: Session): Promise<void> {
  const { set, stored, source } = session
  const usable = tryStored(stored.get('timestamp.json'), (bytes) => set.updateTimestamp(bytes))
  if (source === null && usable) return
  const bytes = await readRequired(source, 'timestamp.json', LIMITS.timestampBytes)
  if (set.updateTimestamp(bytes)) await persist(session, new Map([['timestamp.json', bytes]]))
}

/** TUF 5.5. */
async function updateSnapshot(session: Session): Promise<void> {
  const { set, stored, source } = session
  if (tryStored(stored.get('snapshot.json'), (bytes) => set.updateSnapshot(bytes, true))) return
  const meta = set.timestamp?.signed.snapshotMeta
  const bytes = await readRequired(
    source,
    fileName(set, 'snapshot', meta?.version),
    meta?.length ?? LIMITS.snapshotBytes
  )
  set.updateSnapshot(bytes)
  await persist(session, new Map([['snapshot.json', bytes]]))
}

/** TUF 5.6 for one targets role: what is loaded, else what is stored and still right, else from the source. */
async function loadRole(session: Session, role: string, delegator: string): Promise<ParsedTargets> {
  const { set, stored, source } = session
  const loaded = set.role(role, delegator)
  if (loaded !== null) return loaded
  const update = (bytes: Uint8Array) =>
    role === 'targets' ? set.updateTargets(bytes) : void set.updateDelegated(role, delegator, bytes)
  const name = `${fileNameFor(role)}.json`
  if (!tryStored(set.loadedBytes(role) ?? stored.get(name), update)) {
    const meta = set.metaFile(role)
    const bytes = await readRequired(
      source,
      fileName(set, role, meta.version),
      meta.length ?? LIMITS.targetsBytes
    )
    update(bytes)
    await persist(session, new Map([[name, bytes]]))
  }
  return set.role(role, delegator) as ParsedTargets
}

/** TUF 5.6.7: the roles that one targets role asks about a path, most trusted first. */
function candidates(path: string) {
  return (role: ParsedTargets): Pick<DelegatedRole, 'name' | 'terminating'>[] => {
    if (role.delegations === null) return []
    const { succinct, index } = role.delegations
    return succinct === null ? index.rolesFor(path) : [{ name: binFor(succinct, path), terminating: true }]
  }
}

/** Stored bytes that no longer fit are not an error: the workflow goes on to fetch. */
function tryStored(bytes: Uint8Array | undefined, update: (bytes: Uint8Array) => unknown): boolean {
  if (bytes === undefined) return false
  try {
    update(bytes)
    return true
  } catch (error) {
    if (error instanceof ChasquiError) return false
    throw error
  }
}

async function readRequired(source: MetadataSource | null, name: string, limit: number): Promise<Uint8Array> {
  const bytes = (await source?.read(name, limit)) ?? null
  if (bytes === null) throw new ChasquiError('TUF_MISSING', `${name} is not here`)
  if (bytes.length <= limit) return bytes
  throw new ChasquiError('TUF_TOO_LARGE', `${name} is larger than the ${limit} bytes that it may have`)
}

async function persist(session: Session, changes: Map<string, Uint8Array | null>): Promise<void> {
  await session.store.save(changes)
  for (const [name, bytes] of changes) {
    if (bytes === null) session.stored.delete(name)
    else session.stored.set(name, bytes)
  }
}

/** TUF 3.1.2 and 6.2: with consistent snapshots the version is part of the name. */
function fileName(set: TrustedSet, role: string, version: number | undefined): string {
  const prefix = set.root.signed.consistentSnapshot ? `${version}.` : ''
  return `${prefix}${percentEncode(role)}.json`
}
