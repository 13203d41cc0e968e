// What a machine knows of a fleet when somebody signs with a key file: the trust of the home that is on it, whatever its
// role, or the fleet id that the person names. A request alone proves nothing about whose it is.
import { ChasquiError } from '../../src/errors.ts'
import { type HomePaths, readHome } from '../../src/system/home.ts'
import { realFileSystem } from '../../src/system/real-file-system.ts'
import { openTrustStore } from '../../src/system/trust-store.ts'
import type { Current } from '../../src/trust/current.ts'
import { refreshTrust } from '../../src/trust/refresh.ts'
import type { KnownFleet } from '../../src/trust/request-base.ts'
import type { SigningRequest } from '../../src/trust/signing-request.ts'

export interface FleetQuestion {
  paths: HomePaths
  request: SigningRequest
  /** fleet id that was typed, hex */
  named: string | undefined
  /** asks whether the fleet is the right one; absent: nobody can be asked */
  confirm?: (fleet: string) => Promise<boolean>
}

/** Throws FLEET_NOT_NAMED, FLEET_MISMATCH, HOME_*. */
export async function knownFleet({ paths, request, named, confirm }: FleetQuestion): Promise<KnownFleet> {
  const own = (await realFileSystem.stat(paths.identity)) === null ? null : await readHome(paths)
  const fleetId = named ?? own?.fleet
  if (fleetId !== undefined) {
    const current = own?.fleet === fleetId ? await trustedAt(paths, fleetId, request) : null
    return { fleetId, current }
  }
  if (await confirm?.(request.fleet)) return { fleetId: request.fleet, current: null }
  throw new ChasquiError('FLEET_NOT_NAMED', 'this machine does not know the fleet of the request', {
    hint: `it says ${request.fleet}: compare that with "publisher keys list" at the publisher, then add --fleet ${request.fleet.slice(0, 8)}…`
  })
}

/** What the home there has accepted last; null when it has accepted nothing yet. */
async function trustedAt(
  paths: HomePaths,
  fleetId: string,
  request: SigningRequest
): Promise<Current | null> {
  const stored = openTrustStore(paths.trust)
  const store = { load: () => stored.load(), save: async () => undefined } // another process may own the home
  const trust = await refreshTrust({ store, source: null, now: 0, fleetId }).catch(nothingYet)
  if (trust === null) return null
  const roles = new Map<string, Uint8Array>()
  for (const { role } of request.roles) {
    const found = await trust.role(role).catch(nothingYet)
    if (found !== null) roles.set(role, found.bytes)
  }
  const targets = trust.set.targets?.bytes
  return { root: trust.set.root.bytes, ...(targets !== undefined && { targets }), roles }
}

function nothingYet(error: unknown): null {
  if (error instanceof ChasquiError && error.code === 'TUF_MISSING') return null
  throw error
}
