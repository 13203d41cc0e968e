// The root chain on a stick: roots/<fleet>/<version>.root.json. It is how a branch follows its fleet to a new feed when the
// old one is lost; the home verifies every step.
import { listStick, readStickHint, type StickFolder, writeStickBytes } from './folder.ts'
import type { StickRoots } from './home.ts'

const ROOT_LIMIT = 512 * 1024 // bytes of one root file
const ROOTS_LIMIT = 1024 // root files of one fleet
const ROOT_NAME = /^([1-9]\d{0,6})\.root\.json$/

/** Offers the stick's roots to the home; returns how many were new. Throws what the home throws for a false one. */
export async function takeRoots(folder: StickFolder, fleet: string, roots: StickRoots): Promise<number> {
  const found = await readRoots(folder, fleet)
  return found.size === 0 ? 0 : roots.offer(found)
}

/** Puts on the stick what it lacks of the home's root chain; returns how many files. */
export async function giveRoots(folder: StickFolder, fleet: string, roots: StickRoots): Promise<number> {
  const there = await readRoots(folder, fleet)
  let given = 0
  for (const [version, bytes] of await roots.list()) {
    const known = there.get(version)
    if (known !== undefined && Buffer.from(known).equals(bytes)) continue
    await writeStickBytes(folder, ['roots', fleet, `${version}.root.json`], bytes)
    given++
  }
  return given
}

/** The roots of a fleet on the stick by version, ascending; unverified. */
export async function readRoots(folder: StickFolder, fleet: string): Promise<Map<number, Uint8Array>> {
  const found = new Map<number, Uint8Array>()
  const names = (await listStick(folder, ['roots', fleet])).filter((name) => ROOT_NAME.test(name))
  for (const name of names.slice(0, ROOTS_LIMIT)) {
    const bytes = await readStickHint(folder, ['roots', fleet, name], ROOT_LIMIT)
    if (bytes !== null) found.set(Number.parseInt(name, 10), bytes)
  }
  return new Map([...found].sort(([a], [b]) => a - b))
}
