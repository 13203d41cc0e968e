// The delegations of a targets file as its author edits them: which role answers for a path, who signs it, in which order
// roles are asked. Plain data in and out; versions and signatures are the draft's business.
import { ChasquiError } from '../errors.ts'
import { fromHex } from './bytes.ts'
import type { DelegationEntry, TargetsPart } from './envelope.ts'
import { keyId, tufKey } from './keys.ts'
import { matchesPattern } from './path-pattern.ts'
import { CHASQUI_PROFILE } from './profile.ts'

export interface Delegate {
  name: string
  keys: readonly Uint8Array[]
  threshold: number
  paths: readonly string[]
  terminating?: boolean
}

/** The delegated role that answers for a target path, or null. */
export function roleFor(part: TargetsPart, path: string): string | null {
  const isAsked = ({ paths }: DelegationEntry) => paths.some((pattern) => matchesPattern(path, pattern))
  return part.delegations?.roles.find(isAsked)?.name ?? null
}

/** The delegation of that name, or null. */
export function delegationOf(part: TargetsPart, name: string): DelegationEntry | null {
  return part.delegations?.roles.find((role) => role.name === name) ?? null
}

/** Names of the delegated roles that a key (TUF key id) signs. */
export function rolesOfKey(part: TargetsPart, keyid: string): string[] {
  const roles = part.delegations?.roles ?? []
  return roles.filter(({ keyids }) => keyids.includes(keyid)).map(({ name }) => name)
}

/** Public keys of a delegated role. */
export function keysOf(part: TargetsPart, role: string): Uint8Array[] {
  const { keys = {} } = part.delegations ?? {}
  const ids = delegationOf(part, role)?.keyids ?? []
  return ids.flatMap((id) => fromHex(keys[id]?.keyval.public ?? '', 32) ?? [])
}

/** Adds a delegation, or changes its keys, threshold and paths. Exact module roles come before patterns. Throws ROLE_NAME. */
export function putDelegation(part: TargetsPart, delegate: Delegate): void {
  part.delegations ??= { keys: {}, roles: [] }
  const { keys, roles } = part.delegations
  for (const key of delegate.keys) keys[keyId(key)] = tufKey(key)
  const entry = entryOf(delegate)
  const place = roles.findIndex((role) => role.name === delegate.name)
  if (place >= 0) roles[place] = entry
  else roles.splice(isExact(entry) ? firstPattern(roles) : roles.length, 0, entry)
  dropUnusedKeys(part)
}

/** Takes a delegation away, and the keys that no other one needs. */
export function dropDelegation(part: TargetsPart, name: string): void {
  if (part.delegations === undefined) return
  part.delegations.roles = part.delegations.roles.filter((role) => role.name !== name)
  dropUnusedKeys(part)
}

/** Throws ROLE_NAME, USAGE. */
export function checkDelegate({ name, keys, threshold }: Delegate): void {
  if (!CHASQUI_PROFILE.roleNames.test(name) || isTopLevel(name)) {
    throw new ChasquiError('ROLE_NAME', `a role cannot be called "${name}"`, {
      hint: 'use lower-case letters, digits, "_", "-" and "."'
    })
  }
  checkThreshold(name, keys.length, threshold)
}

/** Throws USAGE. */
export function checkThreshold(role: string, keys: number, threshold: number): void {
  if (Number.isSafeInteger(threshold) && threshold >= 1 && threshold <= keys) return
  throw new ChasquiError('USAGE', `${role} cannot need ${threshold} of ${keys} keys`, {
    hint: 'the threshold is at least 1 and at most the number of keys'
  })
}

function entryOf({ name, keys, threshold, terminating, paths }: Delegate): DelegationEntry {
  return { name, keyids: keys.map(keyId), threshold, terminating: terminating ?? true, paths: [...paths] }
}

function dropUnusedKeys(part: TargetsPart): void {
  if (part.delegations === undefined) return
  const used = new Set(part.delegations.roles.flatMap((role) => role.keyids))
  const kept = Object.entries(part.delegations.keys).filter(([id]) => used.has(id))
  part.delegations.keys = Object.fromEntries(kept)
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
