// What a change of keys starts from when the newest snapshot may be a thief's: whoever has an online key can list roles that
// nobody can load, and versions that nobody can follow. Each role is taken by itself: what this publisher has signed last,
// else the newest file of the feed that the keys of now vouch for. FORMAT 5.7.
import { ChasquiError } from '../errors.ts'
import type { Current } from './current.ts'
import { LIMITS } from './limits.ts'
import {
  type ParsedTargets,
  parseRoot,
  parseSnapshot,
  parseTargets,
  parseTimestamp,
  rootKeys
} from './metadata.ts'
import { CHASQUI_PROFILE } from './profile.ts'
import { type SigningRole, verifyThreshold } from './threshold.ts'
import { SANE_VERSION } from './versions.ts'

export interface Remains {
  /** the newest trusted one */
  root: Uint8Array
  /** what this publisher has signed last, by role */
  own: ReadonlyMap<string, Uint8Array>
  /** metadata files that the feed has: `3.m.shop.json` */
  names: readonly string[]
  read(name: string, limit: number): Promise<Uint8Array | null>
}

/** Roles of which nothing is left are left out: they begin again, empty. */
export async function salvage(remains: Remains): Promise<Current> {
  const root = parseRoot(remains.root, CHASQUI_PROFILE).signed
  const keys = rootKeys(root)
  const signers = (role: string) => root.roles[role] as SigningRole
  const isTargets = (bytes: Uint8Array) => {
    const parsed = parseTargets(bytes, CHASQUI_PROFILE)
    verifyThreshold('targets', parsed, signers('targets'), keys)
    return parsed
  }
  const targets = await newestGood(remains, 'targets', isTargets)
  const snapshot = await goodSnapshot(remains, (parsed) => {
    verifyThreshold('snapshot', parsed, signers('snapshot'), keys)
  })
  const timestamp = firstGood(
    [remains.own.get('timestamp'), await read(remains, 'timestamp.json')],
    (bytes) => {
      verifyThreshold('timestamp', parseTimestamp(bytes), signers('timestamp'), keys)
    }
  )
  return {
    root: remains.root,
    roles: targets === null ? new Map() : await goodRoles(remains, isTargets(targets)),
    isWhole: true,
    ...(targets === null ? {} : { targets }),
    ...(snapshot === null ? {} : { snapshot }),
    ...(timestamp === null ? {} : { timestamp })
  }
}

async function goodRoles(remains: Remains, { delegations }: ParsedTargets): Promise<Map<string, Uint8Array>> {
  const found = new Map<string, Uint8Array>()
  for (const role of delegations?.roles ?? []) {
    const bytes = await newestGood(remains, role.name, (bytes) => {
      const parsed = parseTargets(bytes, CHASQUI_PROFILE, role.name)
      verifyThreshold(role.name, parsed, role, delegations?.keys ?? new Map())
    })
    if (bytes !== null) found.set(role.name, bytes)
  }
  return found
}

async function newestGood(
  remains: Remains,
  role: string,
  check: (bytes: Uint8Array) => unknown
): Promise<Uint8Array | null> {
  const own = firstGood([remains.own.get(role)], check)
  if (own !== null) return own
  for (const name of filesOf(remains.names, role)) {
    const good = firstGood([await read(remains, name)], check)
    if (good !== null) return good
  }
  return null
}

async function goodSnapshot(
  remains: Remains,
  check: (parsed: ReturnType<typeof parseSnapshot>) => void
): Promise<Uint8Array | null> {
  const named = filesOf(remains.names, 'snapshot')
  const candidates: (Uint8Array | null | undefined)[] = [remains.own.get('snapshot')]
  for (const name of named) candidates.push(await read(remains, name))
  return firstGood(candidates, (bytes) => check(parseSnapshot(bytes)))
}

/** Newest first; those that only a thief can have written come last. */
function filesOf(names: readonly string[], role: string): string[] {
  const rank = (name: string) => {
    const version = Number(name.slice(0, name.indexOf('.')))
    return version > SANE_VERSION ? -version : version
  }
  const own = names.filter(
    (name) => /^\d+\./.test(name) && name.slice(name.indexOf('.') + 1) === `${role}.json`
  )
  return own.sort((a, b) => rank(b) - rank(a))
}

function firstGood(
  candidates: readonly (Uint8Array | null | undefined)[],
  check: (bytes: Uint8Array) => unknown
): Uint8Array | null {
  for (const bytes of candidates) {
    if (bytes !== null && bytes !== undefined && isGood(bytes, check)) return bytes
  }
  return null
}

function isGood(bytes: Uint8Array, check: (bytes: Uint8Array) => unknown): boolean {
  try {
    check(bytes)
    return true
  } catch (error) {
    if (error instanceof ChasquiError) return false
    throw error
  }
}

/** A file that cannot be read counts as gone. */
function read(remains: Remains, name: string): Promise<Uint8Array | null> {
  return remains.read(name, Math.max(LIMITS.snapshotBytes, LIMITS.targetsBytes)).catch((error: unknown) => {
    if (error instanceof ChasquiError) return null
    throw error
  })
}
