// The [apps.*] part of chasqui.toml: what is installed on this branch and how it is stopped, saved, changed and checked.
// Keys are the file's own (kebab-case), so that an error names what the operator wrote. Checks only; reads nothing.
import { isAbsolute } from 'node:path'
import { z } from 'zod'
import { parseSize } from '../../src/fleet/units.ts'
import { isTimeZone, parseMissedPolicy, parseWindows } from '../../src/fleet/window.ts'
import { checkSchema } from './checks.ts'
import { command, duration, timeLimit } from './fields.ts'

const absolutePath = z.string().refine(isAbsolute, 'expected an absolute path')
const glob = z.string().min(1).max(200)

/** Bytes, written "20 GiB". */
const size = z.string().transform((text, context) => {
  const bytes = parseSize(text)
  if (bytes !== undefined) return bytes
  context.addIssue({ code: 'custom', message: 'expected a size like "20 GiB"' })
  return z.NEVER
})

const windows = z.union([z.string(), z.array(z.string()).min(1)]).transform((value, context) => {
  const texts = typeof value === 'string' ? [value] : value
  try {
    return { text: texts.join(', '), windows: parseWindows(texts) }
  } catch (error) {
    context.addIssue({ code: 'custom', message: (error as Error).message })
    return z.NEVER
  }
})

const missed = z.string().transform((text, context) => {
  const policy = parseMissedPolicy(text)
  if (policy !== undefined) return policy
  context.addIssue({ code: 'custom', message: 'expected "at-boot", "ask" or "after N days"' })
  return z.NEVER
})

const commands = z.strictObject({
  stop: command.optional(),
  start: command.optional(),
  /** exit 0: the app runs; anything else: it does not */
  status: command.optional(),
  backup: command.optional(),
  /** reads a backup through; exit 0: it is whole */
  verify: command.optional(),
  restore: command.optional(),
  rehearse: command.optional(),
  migrate: command.optional(),
  /** keep users out, let them in again */
  lock: command.optional(),
  unlock: command.optional(),
  timeout: timeLimit('10 min'),
  cwd: absolutePath.optional()
})

const odoo = z.strictObject({
  config: absolutePath,
  databases: z.array(z.string().regex(/^[A-Za-z0-9_][A-Za-z0-9_.-]{0,62}$/)).min(1),
  rehearse: z.boolean().default(false),
  /** install new modules into the databases too; otherwise they are only put where Odoo finds them */
  install: z.boolean().default(false),
  /** the server's program, when it is not "odoo" on the PATH */
  program: command.default(['odoo']),
  /** folder of psql, pg_dump, pg_restore, dropdb; default: the PATH */
  'postgres-bin': absolutePath.optional(),
  /** what the running server answers on, or an address for each database; default: from odoo.conf */
  url: z.union([z.url(), z.record(z.string(), z.url())]).optional(),
  /** the system's user that Odoo runs as; default: the owner of data_dir */
  user: z.string().min(1).max(100).optional(),
  /** the longest that an upgrade may take */
  timeout: timeLimit('60 min'),
  /** start the server on a private port and check it there before users are let in */
  lockout: z.boolean().default(true)
})
export type OdooConfig = z.output<typeof odoo>

const service = z.discriminatedUnion('kind', [
  z.strictObject({ kind: z.literal('none') }),
  z.strictObject({
    kind: z.literal('systemd'),
    name: z.string().min(1),
    user: z.boolean().default(false),
    timeout: timeLimit('90 s')
  }),
  z.strictObject({
    kind: z.literal('windows'),
    name: z.string().min(1),
    manager: z.enum(['sc', 'nssm', 'winsw']).default('sc'),
    /** nssm.exe or the WinSW wrapper, when it is not on the PATH */
    program: z.string().min(1).optional(),
    timeout: timeLimit('90 s')
  }),
  z.strictObject({
    kind: z.literal('compose'),
    file: absolutePath,
    /** services of the file; default: all of them */
    services: z.array(z.string().min(1)).default([]),
    timeout: timeLimit('90 s')
  }),
  z.strictObject({
    kind: z.literal('command'),
    stop: command,
    start: command,
    status: command.optional(),
    timeout: timeLimit('90 s')
  })
])
export type ServiceConfig = z.output<typeof service>

const app = z.strictObject({
  profile: z.enum(['odoo', 'generic'], 'expected a profile that there is: odoo or generic'),
  modules: z.array(glob).min(1),
  channel: z.string().min(1).max(50).default('stable'),
  /** tracks that it follows, by preference; none: the one installed, or the only one */
  track: z.union([z.string().transform((one) => [one]), z.array(z.string())]).default([]),
  path: absolutePath,
  auto: z.enum(['none', 'critical', 'minor', 'all']).default('all'),
  window: windows.optional(),
  timezone: z.string().refine(isTimeZone, 'expected an IANA time zone like "America/Lima"').optional(),
  'window-missed': missed.prefault('at-boot'),
  /** never replaced by a release */
  keep: z.array(glob).default([]),
  drift: z.enum(['keep-copy', 'refuse', 'overwrite']).default('keep-copy'),
  attempts: z.int().min(1).max(20).default(3),
  'backup-keep': z.int().min(1).max(1000).default(5),
  'backup-age': duration.optional(),
  'backup-size': size.optional(),
  /** what failed transactions have left, beside the backups */
  'set-aside-keep': z.int().min(1).max(1000).default(3),
  'set-aside-age': duration.optional(),
  /** false: the migration command changes nothing that a backup would have to bring back */
  'backup-database': z.boolean().default(true),
  /** where staging and backups are; must be on the volume of `path`; default: beside it */
  work: absolutePath.optional(),
  /** version of the application itself, for releases that ask for one */
  'app-version': z.string().min(1).max(100).optional(),
  /** environment of every command, beside a clean minimum */
  env: z.record(z.string().regex(/^[A-Za-z_][A-Za-z0-9_]*$/), z.string()).default({}),
  /** named steps that a release may ask for */
  steps: z.record(z.string().min(1).max(100), command).default({}),
  commands: commands.optional(),
  odoo: odoo.optional(),
  service: service.optional(),
  checks: z.array(checkSchema).max(100).default([])
})

export type AppConfig = z.output<typeof app> & { name: string }

/** App names are used in paths and keys. */
const appName = z.string().regex(/^[A-Za-z0-9][A-Za-z0-9_-]{0,49}$/, 'expected letters, digits, - or _')

/** What of the commands the odoo profile has its own ways for. */
const DONE_BY_ODOO = ['backup', 'verify', 'restore', 'rehearse', 'migrate', 'lock', 'unlock'] as const

/** All of [apps]: name → configuration. */
export const appsSchema = z.record(appName, app.superRefine(refuseContradictions)).transform((apps) => {
  const named: Record<string, AppConfig> = {}
  for (const [name, config] of Object.entries(apps)) named[name] = { ...config, name }
  return named
})

function refuseContradictions(config: z.output<typeof app>, context: z.RefinementCtx): void {
  const refuse = (path: string[], message: string) => context.addIssue({ code: 'custom', path, message })
  const { commands: given, odoo: part } = config
  if (config.profile === 'odoo') {
    if (part === undefined) refuse(['odoo'], 'the odoo profile needs [apps.….odoo] with config and databases')
    for (const name of DONE_BY_ODOO.filter((one) => given?.[one] !== undefined)) {
      refuse(['commands', name], 'would never be run: the odoo profile does that itself')
    }
  } else if (part !== undefined) refuse(['odoo'], 'is for profile = "odoo"')
  const urls = typeof part?.url === 'object' ? Object.keys(part.url) : []
  for (const name of urls.filter((one) => part?.databases.includes(one) !== true)) {
    refuse(['odoo', 'url', name], 'is no configured database')
  }
  if ((given?.backup === undefined) !== (given?.restore === undefined)) {
    refuse(['commands'], 'backup and restore belong together')
  }
  if (given?.migrate !== undefined && given.backup === undefined && config['backup-database']) {
    refuse(['commands'], 'migrate needs backup and restore (or backup-database = false)')
  }
  if ((given?.stop === undefined) !== (given?.start === undefined)) {
    refuse(['commands'], 'stop and start belong together')
  }
  if (given?.stop !== undefined && config.service !== undefined && config.service.kind !== 'none') {
    refuse(['service'], 'would not be used beside the commands stop and start: leave out one or the other')
  }
}

/** True when `path` is the module's own root; else modules live in `path`/<module>. */
export function isSingleModule(config: Pick<AppConfig, 'modules'>): boolean {
  const only = config.modules.length === 1 ? config.modules[0] : undefined
  return only !== undefined && !/[*?[\]{}!]/.test(only)
}
