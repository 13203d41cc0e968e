// The root chain on a stick: roots/<fleet>/<version>.root.json. It is how a branch follows its fleet to a new feed when the
// old one is lost; the home verifies every step. A false root spoils nothing but what would stand on it.
import { asChasquiError, ChasquiError, EXIT } from '../errors.ts'
import { CHASQUI_PROFILE } from '../trust/profile.ts'
import { TrustedSet } from '../trust/trusted-set.ts'
import type { Rejected } from './feed-folder.ts'
import { listStick, readStickBytes, removeStickFile, type StickFolder, writeStickBytes } from './folder.ts'
import type { StickHome, StickRoots } from './home.ts'

export const ROOT_LIMIT = 512 * 1024 // bytes of one root file
const ROOTS_LIMIT = 1024 // root files of one fleet
const ROOT_NAME = /^([1-9]\d{0,6})\.root\.json$/

/** What a stick holds of a fleet's root chain. */
interface RootsOnStick {
  /** by version, ascending; unverified */
  roots: Map<number, Uint8Array>
  /** versions of which the file cannot be read, and why */
  unread: Map<number, ChasquiError>
}

/** Offers the stick's roots to the home, which keeps what verifies; returns what is wrong with the rest. */
export async function takeRoots(folder: StickFolder, fleet: string, home: StickRoots): Promise<Rejected[]> {
  const { roots, unread } = await readRoots(folder, fleet)
  const rejected = [...unread].map(([version, error]) => rejectedRoot(fleet, version, error))
  if (roots.size === 0) return rejected
  try {
    await home.offer(roots)
  } catch (error) {
    if (!(error instanceof ChasquiError) || error.exit !== EXIT.refused) throw error
    // those before it are verified and kept by then
    const { file, message } = rejectedRoot(fleet, 1 + newestOf(await home.list()), error)
    rejected.push({ file, code: 'STICK_DAMAGED', message })
  }
  return rejected
}

/**
 * Puts on the stick what it lacks of the home's root chain; returns how many files. Head office takes away what does not
 * follow from its own: nobody else can tell what is not here from what is false.
 */
export async function giveRoots(
  folder: StickFolder,
  { fleet, roots: home, role }: Pick<StickHome, 'fleet' | 'roots' | 'role'>
): Promise<number> {
  const { roots: there, unread } = await readRoots(folder, fleet)
  const ours = await home.list()
  let given = 0
  for (const [version, bytes] of ours) {
    const known = there.get(version)
    if (known !== undefined && Buffer.from(known).equals(bytes)) continue
    await writeStickBytes(folder, ['roots', fleet, fileOf(version)], bytes)
    given++
  }
  if (role !== 'publisher' || ours.size === 0) return given
  const newest = newestFrom(ours, there)
  for (const version of await listVersions(folder, fleet)) {
    // what could only not be read this time may be a root
    if (version <= newest || unread.get(version)?.code === 'DISK_IO') continue
    await removeStickFile(folder, ['roots', fleet, fileOf(version)])
  }
  return given
}

/** The newest version that follows from `ours`, step by step, with what is `there`. */
function newestFrom(ours: ReadonlyMap<number, Uint8Array>, there: ReadonlyMap<number, Uint8Array>): number {
  let version = newestOf(ours)
  const set = new TrustedSet(ours.get(version) as Uint8Array, { now: 0, profile: CHASQUI_PROFILE })
  for (let next = there.get(version + 1); next !== undefined; next = there.get(version + 1)) {
    try {
      set.updateRoot(next)
    } catch {
      break
    }
    version++
  }
  return version
}

/** By version, the oldest first; what cannot be read is named. Throws STICK_LINK for the folder, STICK_REMOVED. */
export async function readRoots(folder: StickFolder, fleet: string): Promise<RootsOnStick> {
  const found: RootsOnStick = { roots: new Map(), unread: new Map() }
  for (const version of (await listVersions(folder, fleet)).slice(0, ROOTS_LIMIT)) {
    try {
      const bytes = await readStickBytes(folder, ['roots', fleet, fileOf(version)], ROOT_LIMIT)
      if (bytes !== null) found.roots.set(version, bytes)
    } catch (error) {
      if (!(error instanceof ChasquiError) || !SETS_ASIDE.has(error.code)) throw error
      found.unread.set(version, error)
    }
  }
  return found
}

/** Errors of one file that leave the others usable. */
const SETS_ASIDE = new Set(['STICK_LINK', 'FILE_TOO_LARGE', 'DISK_IO'])

/** Fleets (ids, hex) whose roots are on the stick. */
export async function listFleets(folder: StickFolder): Promise<string[]> {
  return (await listStick(folder, ['roots'])).filter((name) => /^[0-9a-f]{64}$/.test(name))
}

/** Ascending: what somebody put there with high numbers comes after the fleet's own. */
export async function listVersions(folder: StickFolder, fleet: string): Promise<number[]> {
  const names = (await listStick(folder, ['roots', fleet])).filter((name) => ROOT_NAME.test(name))
  return names.map((name) => Number.parseInt(name, 10)).sort((a, b) => a - b)
}

function newestOf(chain: ReadonlyMap<number, Uint8Array>): number {
  return Math.max(0, ...chain.keys())
}

function fileOf(version: number): string {
  return `${version}.root.json`
}

/** A root that is of no use, and why. */
export function rejectedRoot(fleet: string, version: number, error: unknown): Rejected {
  const { code, message } = asChasquiError(error)
  return { file: `roots/${fleet}/${fileOf(version)}`, code, message }
}
