// Writes a fleet's metadata: what the publisher's commands call. Everything goes through a draft: current metadata in,
// edits, signatures, new files out, as one step for readers. Pure: keys, time and bytes are passed in.
import { ChasquiError } from '../errors.ts'
import { releasePath } from '../release/release.ts'
import { formatTime, sha256Hex, toHex } from './bytes.ts'
import type { Current } from './current.ts'
import { FleetDraft } from './draft.ts'
import { addSignatures, encodeEnvelope, type RootPart, SPEC_VERSION } from './envelope.ts'
import { EXPIRY } from './expiry.ts'
import { keyId, type Signer, tufKey } from './keys.ts'
import type { Publication } from './online-roles.ts'

/** Public keys of a role and how many of them must sign. */
export interface RoleSetup {
  keys: Uint8Array[]
  threshold: number
}

export interface FleetSetup {
  name: string
  root: RoleSetup
  targets: RoleSetup
  /** signs snapshot, timestamp and the role "channels" */
  online: RoleSetup
  feedKey: Uint8Array
  enrolment: Uint8Array
  sealing: Uint8Array
  /** content of the online targets at the start: channels.json, fleet/revoked.json */
  onlineTargets: ReadonlyMap<string, Uint8Array>
}

/** Name of the online role and what it may sign. */
export const CHANNELS_ROLE = 'channels'
const CHANNELS_PATHS = ['channels.json', 'fleet/*']

/** The delegated role of one module. */
export function moduleRole(module: string): string {
  return `m.${module}`
}

/** First metadata of a fleet. `signers`: root, targets and online keys, as many as the thresholds say. */
export function createFleet(setup: FleetSetup, signers: readonly Signer[], now: number): Publication {
  const root: RootPart = {
    _type: 'root',
    spec_version: SPEC_VERSION,
    version: 1,
    expires: formatTime(now + EXPIRY.root),
    consistent_snapshot: true,
    keys: keyTable([setup.root, setup.targets, setup.online]),
    roles: {
      root: roleKeys(setup.root),
      targets: roleKeys(setup.targets),
      snapshot: roleKeys(setup.online),
      timestamp: roleKeys(setup.online)
    },
    'x-chasqui': {
      fleetName: setup.name,
      feed: { key: toHex(setup.feedKey), generation: 1 },
      enrolment: toHex(setup.enrolment),
      sealing: toHex(setup.sealing)
    }
  }
  const signedRoot = addSignatures({ signatures: [], signed: root }, root.roles.root.keyids, signers)
  const draft = new FleetDraft({ root: encodeEnvelope(signedRoot), roles: new Map() }, now)
  draft.include('root')
  draft.delegate({ name: CHANNELS_ROLE, ...setup.online, paths: CHANNELS_PATHS })
  for (const [path, bytes] of setup.onlineTargets) draft.setTarget(CHANNELS_ROLE, path, targetEntry(bytes))
  return draft.finish(signers)
}

export interface NewRelease {
  module: string
  track: string
  version: string
  /** release.json, verbatim */
  bytes: Uint8Array
}

/** Who signs modules that have no role of their own yet. */
export interface PublishOptions {
  newModules: RoleSetup
  /** new content of online targets in the same step: channels.json, fleet/revoked.json; null removes */
  online?: ReadonlyMap<string, Uint8Array | null>
}

/**
 * Several releases as one step. Touches the roles of their modules, snapshot and timestamp; targets only when a module
 * is new and no delegated pattern covers it. The draft can be finished now, or become a signing request first.
 */
export function draftReleases(
  current: Current,
  releases: readonly NewRelease[],
  options: PublishOptions,
  now: number
): FleetDraft {
  const draft = new FleetDraft(current, now)
  for (const { module, track, version, bytes } of releases) {
    const path = releasePath(module, track, version)
    const role = draft.roleFor(path) ?? delegateModule(draft, module, options.newModules)
    draft.setTarget(role, path, targetEntry(bytes))
  }
  for (const [path, bytes] of options.online ?? []) {
    draft.setTarget(CHANNELS_ROLE, path, bytes === null ? null : targetEntry(bytes))
  }
  return draft
}

/** `draftReleases`, finished. Throws SIGNATURES_MISSING when a threshold needs more people. */
export function addReleases(
  current: Current,
  releases: readonly NewRelease[],
  options: PublishOptions,
  signers: readonly Signer[],
  now: number
): Publication {
  return draftReleases(current, releases, options, now).finish(signers)
}

/** New content of channels.json, fleet/revoked.json and the like: online keys only. */
export function setOnlineTargets(
  current: Current,
  targets: ReadonlyMap<string, Uint8Array | null>,
  signers: readonly Signer[],
  now: number
): Publication {
  const draft = new FleetDraft(current, now)
  for (const [path, bytes] of targets) {
    draft.setTarget(CHANNELS_ROLE, path, bytes === null ? null : targetEntry(bytes))
  }
  return draft.finish(signers)
}

/** A newer timestamp over the same content: says "still so today". */
export function refreshTimestamp(current: Current, signers: readonly Signer[], now: number): Publication {
  return new FleetDraft(current, now).finish(signers)
}

/** Roles that must be loaded into `Current` before these modules can be released (those that exist). */
export function rolesToLoad(modules: readonly string[]): string[] {
  return [CHANNELS_ROLE, ...modules.map(moduleRole)]
}

/** The delegation of one module to its release keys. Throws ROLE_NAME. */
function delegateModule(draft: FleetDraft, module: string, setup: RoleSetup): string {
  const name = moduleRole(module)
  draft.delegate({ name, ...setup, paths: [`releases/${module}/*/*/release.json`] })
  return name
}

/**
 * A pattern of module names (`pos_*`) to another team's keys. It comes after every exact module role, so that it can
 * add modules and never speak for one that has its own role.
 */
export function delegatePattern(draft: FleetDraft, team: string, pattern: string, setup: RoleSetup): string {
  if (!/^[a-z][a-z0-9_.*?-]{0,99}$/.test(pattern)) {
    throw new ChasquiError('ROLE_NAME', `"${pattern}" is not a pattern of module names`, {
      hint: 'use lower-case letters, digits, "_", "-", "." and the wildcards * and ?, for example pos_*'
    })
  }
  const name = `t.${team}`
  draft.delegate({ name, ...setup, paths: [patternPath(pattern)] })
  return name
}

/** The target paths that a pattern of module names covers. */
export function patternPath(pattern: string): string {
  return `releases/${pattern}/*/*/release.json`
}

/** What targets metadata says of a file. */
export function targetEntry(bytes: Uint8Array): { length: number; hashes: { sha256: string } } {
  return { length: bytes.length, hashes: { sha256: sha256Hex(bytes) } }
}

/** The signers of a role as metadata writes them. */
export function roleKeys(setup: RoleSetup): { keyids: string[]; threshold: number } {
  return { keyids: setup.keys.map(keyId), threshold: setup.threshold }
}

/** The public keys of roles by their ids. */
export function keyTable(setups: readonly RoleSetup[]): RootPart['keys'] {
  return Object.fromEntries(setups.flatMap(({ keys }) => keys.map((key) => [keyId(key), tufKey(key)])))
}

export type { Current, Publication }
