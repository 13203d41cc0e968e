// What an engine on the rig is made of: everything real, and the reason when the rig cannot run here.
import { randomBytes } from 'node:crypto'
import { existsSync } from 'node:fs'
import { cp } from 'node:fs/promises'
import { delimiter, join, resolve } from 'node:path'
import type { EngineParts } from '../../node/apply/parts.ts'
import { systemClock, systemHttp } from '../../node/apply/real-parts.ts'
import { readTree } from '../../src/pack/tree.ts'
import type { Manifest } from '../../src/release/manifest.ts'
import { silentLog } from '../../src/system/log.ts'
import { realProcessRunner } from '../../src/system/process.ts'
import { realFileSystem } from '../../src/system/real-file-system.ts'

export const PROGRAM = resolve(
  process.env.CHASQUI_ODOO_RIG ?? join(import.meta.dirname, '../../../shared/tools/odoo/odoo-rig')
)

/** What the rig builds and enters its root file system with. */
const RIG_TOOLS = ['debootstrap', 'unshare', 'zstd', 'flock', 'curl']

/** Why the tests cannot run here, or undefined. */
export function whyNot(): string | undefined {
  if (!existsSync(PROGRAM)) return `there is no Odoo rig at ${PROGRAM} (CHASQUI_ODOO_RIG)`
  if (process.getuid?.() !== 0) return 'the Odoo rig needs root'
  const folders = (process.env.PATH ?? '').split(delimiter)
  const missing = RIG_TOOLS.filter((tool) => !folders.some((folder) => existsSync(join(folder, tool))))
  return missing.length === 0 ? undefined : `the Odoo rig needs ${missing.join(', ')}`
}

export async function manifestOf(folder: string): Promise<Manifest> {
  return (await readTree(realFileSystem, folder, { kind: 'directory' })).manifest
}

/** Everything real; a release's files come from the variant that its label names. */
export function rigParts(scratch: string, state: EngineParts['state']): EngineParts {
  return {
    fs: realFileSystem,
    runner: realProcessRunner,
    state,
    clock: systemClock,
    random: randomBytes,
    log: silentLog,
    http: systemHttp,
    stage: async ({ module, release }, into) => {
      await cp(join(scratch, 'variants', release.labels?.[0] ?? '', module), into, { recursive: true })
      return manifestOf(into)
    },
    platform: process.platform,
    platforms: ['linux'],
    environment: process.env,
    home: scratch
  }
}
