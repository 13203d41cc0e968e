// The generic profile: everything that is special about the application is in the operator's own commands.
import { dirname, isAbsolute, join, sep } from 'node:path'
import type { ErrorCode } from '../../src/errors.ts'
import { ChasquiError } from '../../src/errors.ts'
import { ensureDirectory, removeTree } from '../../src/system/durable.ts'
import type { AppWork, Work } from '../apply/work.ts'
import { readBack } from '../backups/read-back.ts'
import type { AppConfig } from '../config/apps.ts'
import type { Argv } from '../config/fields.ts'
import { commandService } from '../services/command.ts'
import { bringDown, bringUp, letUp } from '../services/hold.ts'
import { createService, isDown, type Service } from '../services/service.ts'
import { findProgram, isPerModule, mustRun, namesFrom } from './commands.ts'
import type { Profile } from './profile.ts'

export function genericProfile(app: AppConfig): Profile {
  const commands = app.commands
  const service = serviceOfCommands(app)
  const timeout = commands?.timeout ?? 600_000
  const run = async (work: Work, what: string, argv: Argv | undefined, code: ErrorCode) => {
    if (argv === undefined) return
    // a first install has nothing to migrate from
    const modules = namesFrom(argv) ? work.modules.filter((one) => one.from !== null) : work.modules
    const runs = isPerModule(argv)
      ? modules.map((one) => ({ values: valuesOf(one), module: one.module, timeout }))
      : [{ timeout }]
    for (const options of runs) await mustRun(work, what, argv, code, options)
  }
  const toFile = async (work: Work, what: 'backup' | 'restore' | 'verify', path: string, code: ErrorCode) => {
    const argv = commands?.[what]
    const values = { ...valuesOf(work.modules[0]), backup: path }
    if (argv !== undefined) await mustRun(work, what, argv, code, { values, timeout })
  }
  return {
    derived: [],
    needs: async () => null,
    provides: async () => false,
    checks: async () => [],
    checkDatabase: async () => null,
    isRunning: (work) => service.isRunning(work),
    isDown: (work) => isDown(service, work),
    async preflight(work) {
      const fresh = await isFresh(work)
      const named = [...Object.values(commands ?? {}), ...Object.values(app.service ?? {})].flatMap(programOf)
      for (const program of new Set([...service.tools, ...named])) {
        if (fresh && mayBeBrought(work, program)) continue
        if ((await findProgram(work, program)) !== null) continue
        throw new ChasquiError('APPLY_TOOL_MISSING', `the program ${program} is not there`, {
          hint: `correct it in [apps.${app.name}]`
        })
      }
      await service.requireManager?.(work)
    },
    async stop(work, leniently) {
      if (await isFirstInstall(work, commands?.stop)) return
      await bringDown(work, service, leniently)
    },
    async start(work) {
      if (await isFirstInstall(work, commands?.start)) return
      await bringUp(work, service)
    },
    letUp: (work) => letUp(work, service),
    async backUp(work, into) {
      if (commands?.backup === undefined || (await isFirstInstall(work, commands.backup))) return false
      await ensureDirectory(work.parts.fs, dirname(into))
      await toFile(work, 'backup', into, 'BACKUP_FAILED')
      return true
    },
    verifyBackup: (work, from) => toFile(work, 'verify', from, 'BACKUP_FAILED'),
    async restore(work, from, mayHoldWork) {
      if (commands?.restore === undefined) return
      await setAside(work, mayHoldWork, (path) => toFile(work, 'backup', path, 'BACKUP_FAILED'))
      await toFile(work, 'restore', from, 'RESTORE_FAILED')
    },
    async dropSetAside() {},
    hasSetAside: async () => false,
    async rehearse(work) {
      if (commands?.rehearse === undefined) return false
      await run(work, 'rehearse', commands.rehearse, 'REHEARSAL_FAILED')
      return true
    },
    migrate: (work) => run(work, 'migrate', commands?.migrate, 'MIGRATION_FAILED'),
    async refresh() {},
    lock: (work) => run(work, 'lock', commands?.lock, 'SERVICE_FAILED'),
    unlock: (work) => run(work, 'unlock', commands?.unlock, 'SERVICE_FAILED')
  }
}

/** A dump of the database as it is, once for each time that the application was stopped: in between nobody can work. */
async function setAside(work: Work, mayHoldWork: boolean, dump: (path: string) => Promise<void>) {
  const { transaction, places, parts } = work
  if (transaction.asideAt === transaction.halts) return
  const aside = `${places.database}-set-aside-${transaction.setAside.length + 1}`
  try {
    // what a cut left of a dump that is not journaled: its database is still the live one
    await removeTree(parts.fs, aside)
    await dump(aside)
    await readBack(parts.fs, aside)
    await parts.fs.syncDirectory(dirname(aside))
  } catch (cause) {
    const why = (cause as Error).message
    await removeTree(parts.fs, aside).catch(() => undefined)
    if (mayHoldWork) {
      throw new ChasquiError('RESTORE_FAILED', `the current database cannot be set aside: ${why}`, { cause })
    }
    work.note(`the half-migrated database could not be set aside: ${why}`)
    return
  }
  transaction.setAside.push(aside)
  transaction.asideAt = transaction.halts
  await work.save()
}

/** Stop and start by the operator's commands where there are some, else by the service. */
export function serviceOfCommands(app: AppConfig): Service {
  const { stop, start, status, timeout } = app.commands ?? {}
  if (stop === undefined || start === undefined) return createService(app.service)
  return commandService({ stop, start, status, timeout: timeout ?? 600_000 })
}

function programOf(argv: unknown): string[] {
  return Array.isArray(argv) && typeof argv[0] === 'string' ? [argv[0]] : []
}

function valuesOf(change: Work['modules'][number] | undefined) {
  return {
    module: change?.module ?? '',
    from: change?.from ?? '',
    to: change?.to ?? '',
    version: change?.to ?? ''
  }
}

/** Nothing of the app is on the disk yet. */
async function isFresh(work: AppWork): Promise<boolean> {
  return (await work.parts.fs.stat(work.app.path)) === null
}

/** A program that a first release may have in it: one of the system is there before. */
function mayBeBrought({ app }: AppWork, program: string): boolean {
  return isAbsolute(program) ? program.startsWith(join(app.path, sep)) : /[/\\]/.test(program)
}

/** The release that is being installed brings the program: before it is there, there is nothing to run. */
async function isFirstInstall(work: Work, argv: Argv | undefined): Promise<boolean> {
  const isNew = work.transaction.changes.every((change) => change.from === null)
  return isNew && argv !== undefined && (await findProgram(work, argv[0])) === null
}
