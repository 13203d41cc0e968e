// The field `delegations` of a targets file: which role may speak for which names, with whose keys.
import { Key } from '@tufjs/models'
import { type DelegatedRole, DelegationIndex, type SuccinctRoles } from './path-pattern.ts'
import type { TrustProfile } from './profile.ts'
import {
  asArray,
  asObject,
  asString,
  type JsonObject,
  type ModelJson,
  requirePositive,
  requireUniqueStrings
} from './read-json.ts'

const TOP_LEVEL = ['root', 'targets', 'snapshot', 'timestamp'] as const

export interface Delegations {
  keys: ReadonlyMap<string, Key>
  roles: readonly DelegatedRole[]
  byName: ReadonlyMap<string, DelegatedRole>
  index: DelegationIndex
  succinct: SuccinctRoles | null
}

/** Throws TypeError for what has no meaning, and for what the profile does not allow. */
export function readDelegations(raw: JsonObject, profile: TrustProfile): Delegations {
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

/** Throws TypeError for a key that the profile does not allow. */
export function checkKey(key: Key, profile: TrustProfile): void {
  if (!profile.ed25519Only) return
  const valid =
    key.keyType === 'ed25519' && key.scheme === 'ed25519' && /^[0-9a-f]{64}$/.test(String(key.keyVal.public))
  if (!valid) throw new TypeError(`key ${key.keyID.slice(0, 16)} is not an Ed25519 key`)
}
