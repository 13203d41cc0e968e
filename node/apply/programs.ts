// The programs by which an application is controlled may come with its releases. A release that has lost one would be swapped
// in and then could be neither started nor migrated: that is found while the old version still runs.
import { relative, sep } from 'node:path'
import { ChasquiError } from '../../src/errors.ts'
import type { Manifest } from '../../src/release/manifest.ts'
import type { AppConfig } from '../config/apps.ts'
import { findProgram } from '../profiles/commands.ts'
import type { Records } from './records.ts'
import { globMatcher, type Work } from './work.ts'

/** Every program that the configuration names for this app. */
function programsOf({ commands, service, steps, odoo, checks }: AppConfig): string[] {
  const named: unknown[] = [commands, service, steps].flatMap((one) => Object.values(one ?? {}))
  const checked = checks.flatMap((one) => ('command' in one ? [one.command] : []))
  return [...named, ...checked, odoo?.program]
    .filter((argv): argv is [string, ...string[]] => Array.isArray(argv) && typeof argv[0] === 'string')
    .map(([program]) => program)
}

/** With its last module the application itself goes: there is nothing to be started or checked. */
export async function leavesNothing({ app, transaction }: Work, records: Records): Promise<boolean> {
  const isGoing = (module: string) =>
    transaction.changes.some((one) => one.module === module && one.to === null)
  const installed = await records.installed(app.name)
  return transaction.kind === 'remove' && installed.every(({ module }) => isGoing(module))
}

/** Throws APPLY_TOOL_MISSING when a program that is there now comes from a module and would not be there, or not run, after it. */
export async function refuseLostPrograms(work: Work, records: Records): Promise<void> {
  if (await leavesNothing(work, records)) return
  for (const program of new Set(programsOf(work.app))) {
    const path = await findProgram(work, program)
    if (path === null) continue
    for (const { module, to } of work.transaction.changes) {
      const name = relative(work.places.live(module), path).split(sep).join('/')
      if (name.startsWith('..') || globMatcher(work.app.keep, module)(name)) continue
      const [before, after] = [
        await records.manifest(work.app.name, module),
        await records.stagedManifest(work.app.name, module)
      ]
      const why = whyLost(before, after, name, work.parts.platform)
      if (why === null) continue
      throw new ChasquiError('APPLY_TOOL_MISSING', `${program} ${why} in ${module}@${to ?? 'none'}`, {
        module,
        hint: `${path} is how ${work.app.name} is controlled: publish a release that has it`
      })
    }
  }
}

function whyLost(
  before: Manifest | null,
  after: Manifest | null,
  path: string,
  platform: NodeJS.Platform
): string | null {
  const entry = (manifest: Manifest | null) => manifest?.entries.find((one) => one.path === path)
  const [old, fresh] = [entry(before), entry(after)]
  if (old === undefined) return null
  if (fresh === undefined) return 'is missing'
  return platform !== 'win32' && old.executable && !fresh.executable ? 'can no longer be run' : null
}
