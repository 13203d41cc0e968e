// What the stick's tests share: fixed tools, a publisher with releases, and whole rounds.
import type { BlockCore } from '../../src/feed/block-core.ts'
import type { StickFilter } from '../../src/stick/home.ts'
import { exportStick, importStick } from '../../src/stick/round.ts'
import type { StickTools } from '../../src/stick/round-types.ts'
import { lockOnMachine } from '../../src/system/machine-lock.ts'
import { realFileSystem } from '../../src/system/real-file-system.ts'
import { never, noise, type TestHome } from './support.ts'

let clock = Date.parse('2026-01-02T03:04:05Z')

/** The real file system under a clock that only tests move. */
export const tools: StickTools = {
  fs: realFileSystem,
  now: () => {
    clock += 1000
    return clock
  },
  randomId: () => 'ab'.repeat(16),
  freeSpace: async () => null,
  lock: lockOnMachine
}

export const context = { emit: () => undefined, signal: never }

export const everything = (stick: string) => ({
  stick,
  filter: null,
  maxSize: null,
  part: 1,
  keepWish: false,
  orders: [],
  installer: null,
  asFits: false,
  dryRun: false
})

export const exportAll = (
  home: TestHome,
  stick: string,
  with_: StickTools = tools,
  filter: StickFilter | null = null
) => exportStick(home, { ...everything(stick), filter }, with_, context)

export const importAll = (home: TestHome, stick: string, with_: StickTools = tools) =>
  importStick(home, stick, with_, context)

/** Release `number`: a pack of `bytes` and its release.json. */
export async function publish(home: TestHome, number: number, bytes = 100_000): Promise<void> {
  await home.publish({
    put: [
      { path: `/packs/${number}`, bytes: noise(bytes, number) },
      { path: `/releases/m/default/${number}/release.json`, bytes: Buffer.from(`{"n":${number}}`) }
    ],
    remove: []
  })
}

/** Does the home hold releases 1…`last`, byte for byte? */
export async function holdsReleases(home: TestHome, last: number, bytes = 100_000): Promise<boolean> {
  await home.drive.advance()
  for (let number = 1; number <= last; number++) {
    const found = await home.read(`/packs/${number}`)
    if (found === null || !Buffer.from(found).equals(noise(bytes, number))) return false
  }
  return true
}

/** Are all blocks that `core` has the same as the publisher's? */
export async function isPartOf(core: BlockCore | null, whole: BlockCore | null): Promise<boolean> {
  for (let index = 0; core !== null && index < core.length; index++) {
    const block = await core.block(index)
    const original = await whole?.block(index)
    if (block !== null && !Buffer.from(block).equals(original ?? Buffer.alloc(0))) return false
  }
  return true
}
