// What a signing request starts from, verified: along its root chain from the fleet id, and against what this machine
// knows of the fleet already, whichever is newer. Nobody is asked to sign on top of what was never signed.
import { ChasquiError } from '../errors.ts'
import { equalBytes } from './bytes.ts'
import type { Current } from './current.ts'
import { type ParsedTargets, parseTargets, rootKeys } from './metadata.ts'
import { CHASQUI_PROFILE } from './profile.ts'
import { invalidRequest, type SigningRequest } from './signing-request.ts'
import { verifyThreshold } from './threshold.ts'
import { fleetIdOf } from './trust.ts'
import { TrustedSet } from './trusted-set.ts'

/** What the person or the machine that signs knows of the fleet beforehand. */
export interface KnownFleet {
  /** hex */
  fleetId: string
  /** trusted metadata of this machine; null: only the id is known */
  current: Current | null
}

/** The newest signed metadata that the request changes. Throws FLEET_MISMATCH, REQUEST_INVALID. */
export function verifyBase(request: SigningRequest, { fleetId, current }: KnownFleet): Current {
  const chain = request.base.roots.map(bytesOf)
  if (request.fleet !== fleetId || fleetIdOf(chain[0] as Uint8Array) !== fleetId) {
    throw new ChasquiError('FLEET_MISMATCH', 'the signing request belongs to another fleet', {
      hint: `it says that it is for the fleet ${request.fleet}`
    })
  }
  try {
    const root = newestRoot(chain, current)
    const targets = newestTargets(request, current, root)
    const names = request.roles
      .map(({ role }) => role)
      .filter((role) => role !== 'root' && role !== 'targets')
    const roles = names.flatMap((name) => {
      const found = newestRole(name, request, current, targets)
      return found === null ? [] : [[name, found.bytes] as const]
    })
    const snapshot = current?.snapshot
    const base = { root: root.bytes, targets: targets.bytes, roles: new Map(roles) }
    return snapshot === undefined ? base : { ...base, snapshot }
  } catch (cause) {
    if (!(cause instanceof ChasquiError) || cause.code === 'REQUEST_INVALID') throw cause
    throw invalidRequest(`what it starts from was not signed by this fleet (${cause.message})`, cause)
  }
}

type ParsedRoot = TrustedSet['root']

/** TUF 5.3, from version 1; the clock does not matter to who may sign. */
function newestRoot(chain: readonly Uint8Array[], current: Current | null): ParsedRoot {
  const start = (bytes: Uint8Array) => new TrustedSet(bytes, { now: 0, profile: CHASQUI_PROFILE })
  const set = start(chain[0] as Uint8Array)
  for (const bytes of chain.slice(1)) set.updateRoot(bytes)
  if (current === null) return set.root
  const own = start(current.root).root
  if (own.signed.version > set.root.signed.version) return own
  const same = chain[own.signed.version - 1]
  if (same === undefined || !equalBytes(same, own.bytes))
    throw invalidRequest('its root is not the one that is trusted here')
  return set.root
}

function newestTargets(request: SigningRequest, current: Current | null, root: ParsedRoot): ParsedTargets {
  const own = current?.targets === undefined ? null : parseTargets(current.targets, CHASQUI_PROFILE)
  const given = parseTargets(bytesOf(request.base.targets), CHASQUI_PROFILE)
  if (isAsNew(own, given)) return own
  const signers = root.signed.roles.targets
  if (signers === undefined) throw invalidRequest('its root names no targets role')
  verifyThreshold('targets', given, signers, rootKeys(root.signed))
  return given
}

/** A role that the change touches, as it was; null when it has published nothing. */
function newestRole(
  name: string,
  request: SigningRequest,
  current: Current | null,
  { delegations }: ParsedTargets
): ParsedTargets | null {
  const signers = delegations?.byName.get(name)
  if (delegations === null || signers === undefined) return null
  const known = current?.roles.get(name)
  const own = known === undefined ? null : parseTargets(known, CHASQUI_PROFILE, name)
  const text = Object.hasOwn(request.base.roles, name) ? request.base.roles[name] : undefined
  if (text === undefined) return own
  const given = parseTargets(bytesOf(text), CHASQUI_PROFILE, name)
  if (isAsNew(own, given)) return own
  verifyThreshold(name, given, signers, delegations.keys)
  return given
}

function isAsNew(own: ParsedTargets | null, given: ParsedTargets): own is ParsedTargets {
  return own !== null && own.signed.version >= given.signed.version
}

function bytesOf(text: string): Uint8Array {
  return new Uint8Array(Buffer.from(text, 'utf8'))
}
