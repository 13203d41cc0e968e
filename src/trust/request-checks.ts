// What a signing request must not do, whoever asks: each check refuses it before anything of it is shown or signed.
import { fromHex, sha256Hex } from './bytes.ts'
import type { FleetDraft } from './draft.ts'
import { encodeEnvelope } from './envelope.ts'
import { keyId, type TufKey } from './keys.ts'
import { parseRoot, parseTargets } from './metadata.ts'
import { matchesPattern } from './path-pattern.ts'
import { CHASQUI_PROFILE } from './profile.ts'
import type { TargetChange } from './request-changes.ts'
import type { ChangedPart } from './request-parts.ts'
import { invalidRequest, outdatedRequest, type SigningRequest } from './signing-request.ts'
import { fleetOfRoot } from './trust.ts'
import { mayFollow } from './versions.ts'

type Entry = SigningRequest['roles'][number]
type Keys = Record<string, TufKey>

/** A branch has to be able to read it, and every key has to be what its id says. */
export function requireReadable({ role, envelope: { signed } }: Entry): void {
  if ((role === 'root') !== (signed._type === 'root')) throw invalidRequest(`${role} is no file of that role`)
  const bytes = encodeEnvelope({ signatures: [], signed })
  try {
    if (signed._type === 'root') {
      parseRoot(bytes, CHASQUI_PROFILE)
      fleetOfRoot(bytes)
    } else parseTargets(bytes, CHASQUI_PROFILE, role)
  } catch (cause) {
    throw invalidRequest(`no branch could read ${role}`, cause)
  }
  const keys = signed._type === 'root' ? signed.keys : (signed.delegations?.keys ?? {})
  const sets = signed._type === 'root' ? Object.values(signed.roles) : (signed.delegations?.roles ?? [])
  if (Object.keys(keys).length !== Object.keys(keysIn([signed])).length)
    throw invalidRequest('a key in it has a wrong id')
  for (const { keyids, threshold } of sets) {
    const isWhole = keyids.every((id) => Object.hasOwn(keys, id)) && new Set(keyids).size === keyids.length
    if (!isWhole || threshold > keyids.length)
      throw invalidRequest(`${role} names signers that could not sign`)
  }
}

/** The keys of some metadata by id, those whose id is right. */
export function keysIn(parts: readonly (ChangedPart | null)[]): Keys {
  const all = parts.flatMap((part) => {
    if (part === null) return []
    return Object.entries(part._type === 'root' ? part.keys : (part.delegations?.keys ?? {}))
  })
  const isRight = ([id, key]: [string, TufKey]) => {
    const bytes = fromHex(key.keyval.public, 32)
    return bytes !== null && keyId(bytes) === id
  }
  return Object.fromEntries(all.filter(isRight))
}

/** `before`: targets that the request starts from; a delegation that was there may have ended since. */
export function requireDelegated(draft: FleetDraft, role: string, before: string): void {
  if (role === 'root' || role === 'targets' || draft.delegation(role) !== null) return
  const { delegations } = parseTargets(new Uint8Array(Buffer.from(before, 'utf8')), CHASQUI_PROFILE)
  if (delegations?.byName.has(role)) throw outdatedRequest(role)
  throw invalidRequest(`nothing is delegated to a role ${role}`)
}

/** The version has to follow: exactly, where the snapshot is known, else as far as the role itself tells. */
export function requireNext(
  draft: FleetDraft,
  role: string,
  former: number,
  version: number,
  isExact: boolean
): void {
  const follows =
    isExact || role === 'root' ? version === draft.nextVersion(role) : mayFollow(former, version)
  if (!follows) throw outdatedRequest(role)
}

/** Nobody signs a hash: what is newly listed has to be there. */
export function requireShown(
  { path, change, sha256, length }: TargetChange,
  files: Record<string, string>
): void {
  if (change === 'removed') return
  const text = Object.hasOwn(files, path) ? files[path] : undefined
  if (text === undefined) throw invalidRequest(`it lists ${printable(path)} and does not show it`)
  const bytes = new Uint8Array(Buffer.from(text, 'utf8'))
  if (bytes.length === length && sha256Hex(bytes) === sha256) return
  throw invalidRequest(`${printable(path)} is not what it lists`)
}

/** Nothing is shown that is not signed. */
export function requireListed({ files }: SigningRequest, changes: readonly TargetChange[]): void {
  const listed = new Set(changes.map(({ path }) => path))
  const other = Object.keys(files).find((path) => !listed.has(path))
  if (other !== undefined) throw invalidRequest(`it shows ${printable(other)}, which it does not list`)
}

/** A role lists what it may, and top-level targets nothing: it would speak for every module. */
export function requirePaths(draft: FleetDraft, role: string, changes: readonly TargetChange[]): void {
  const paths = role === 'targets' ? [] : (draft.delegation(role)?.paths ?? [])
  for (const { path, change } of changes) {
    const isClean = path.split('/').every((part) => /^[\x21-\x7e]+$/.test(part) && !/^\.\.?$/.test(part))
    const isOwn = paths.some((pattern) => matchesPattern(path, pattern))
    if (change !== 'removed' && !(isClean && isOwn))
      throw invalidRequest(`${role} cannot list ${printable(path)}`)
  }
}

function printable(text: string): string {
  return JSON.stringify(text.slice(0, 200)).slice(1, -1)
}
