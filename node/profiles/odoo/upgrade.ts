// The upgrade itself: `odoo -u` for the modules that need it, judged by status, log and database.
import { join } from 'node:path'
import { ChasquiError, type ErrorCode } from '../../../src/errors.ts'
import { readFileLimited } from '../../../src/system/durable.ts'
import type { Work } from '../../apply/work.ts'
import { changedPaths, isStaticOnly, MANIFEST_FILE, versionIn } from './changes.ts'
import type { Odoo } from './context.ts'
import { runOdoo } from './one-shot.ts'
import { quoteText } from './postgres.ts'
import { isRecordedVersion, judgeUpgrade, wasDiskFull } from './verdict.ts'

const MANIFEST_LIMIT = 1024 * 1024 // bytes

/** Where the old and the new files of a module are: staged or swapped in. */
export interface Roots {
  before(module: string): string
  after(module: string): string
}

/** Modules of the transaction whose change may concern the database. */
export async function modulesToUpgrade(work: Work, roots: Roots): Promise<string[]> {
  const found: string[] = []
  for (const { module, to } of work.transaction.changes) {
    if (to === null) continue
    const { before, after } = await work.fileLists(module)
    const paths = before === null || after === null ? null : changedPaths(before, after)
    const manifests = await manifestTexts(work, module, roots)
    if (paths === null || !isStaticOnly(paths, manifests)) found.push(module)
  }
  return found
}

async function manifestTexts(work: Work, module: string, roots: Roots) {
  const before = await manifestText(work, roots.before(module))
  const after = await manifestText(work, roots.after(module))
  return before === null || after === null ? null : { before, after }
}

async function manifestText(work: Work, root: string): Promise<string | null> {
  const bytes = await readFileLimited(work.parts.fs, join(root, MANIFEST_FILE), MANIFEST_LIMIT)
  return bytes === null ? null : Buffer.from(bytes).toString('utf8')
}

interface ModuleRow {
  name: string
  state: string
  latest_version: string | null
}

async function moduleRows(odoo: Odoo, database: string, names: readonly string[]): Promise<ModuleRow[]> {
  const list = ['base', ...names].map(quoteText).join(', ')
  const columns = 'name, state, latest_version'
  return odoo.postgres.query(database, `select ${columns} from ir_module_module where name in (${list})`)
}

/** Names of modules that wait for something in a database. */
export async function pendingModules(odoo: Odoo, database: string): Promise<string[]> {
  const states = `('to upgrade', 'to install', 'to remove')`
  const rows = await odoo.postgres.query<{ name: string }>(
    database,
    `select name from ir_module_module where state in ${states} order by name`
  )
  return rows.map((row) => row.name)
}

export interface UpgradeRequest {
  database: string
  modules: readonly string[]
  roots: Roots
  /** for the rehearsal: staged addons come first */
  addonsPath?: string
  code: ErrorCode
}

/** Upgrades one database. False when nothing in it needs to. Throws `code`. */
export async function upgrade(work: Work, odoo: Odoo, request: UpgradeRequest): Promise<boolean> {
  const { database, modules, code } = request
  const rows = await moduleRows(odoo, database, modules)
  const isInstalled = (module: string) => rows.some((row) => row.name === module && row.state === 'installed')
  const updates = modules.filter(isInstalled)
  const installs = odoo.config.install ? modules.filter((module) => !isInstalled(module)) : []
  if (updates.length + installs.length === 0) return false
  const { status, output } = await runOdoo(work, odoo, request, [
    ...(updates.length > 0 ? ['-u', updates.join(',')] : []),
    ...(installs.length > 0 ? ['-i', installs.join(',')] : []),
    '--stop-after-init',
    '--no-http'
  ])
  const wrong =
    judgeUpgrade(status, output) ?? (await judgeDatabase(work, odoo, request, [...updates, ...installs]))
  if (wrong === null) return true
  await refuseCircumstances(odoo, database, output)
  throw new ChasquiError(code, `the upgrade of ${database} failed: ${wrong}`)
}

/** What is not the release's fault has its own code. Throws DATABASE_UNREACHABLE, DISK_FULL. */
export async function refuseCircumstances(odoo: Odoo, database: string, log: string): Promise<void> {
  await odoo.postgres.requireAnswer()
  if (!wasDiskFull(log)) return
  throw new ChasquiError('DISK_FULL', `a disk was full while ${database} was upgraded`, {
    hint: 'free some space where PostgreSQL or data_dir is'
  })
}

/** Nothing pending, and every module installed with the version that its manifest says. */
async function judgeDatabase(
  work: Work,
  odoo: Odoo,
  { database, roots }: UpgradeRequest,
  modules: readonly string[]
): Promise<string | null> {
  const pending = await pendingModules(odoo, database)
  if (pending.length > 0) return `modules still wait for an upgrade: ${pending.join(', ')}`
  const rows = await moduleRows(odoo, database, modules)
  const base = rows.find((row) => row.name === 'base')?.latest_version ?? ''
  const series = base.split('.').slice(0, 2).join('.')
  for (const module of modules) {
    const row = rows.find((one) => one.name === module)
    if (row?.state !== 'installed') return `${module} is ${row?.state ?? 'unknown'} in the database`
    const text = await manifestText(work, roots.after(module))
    const version = text === null ? null : versionIn(text)
    if (version === null || isRecordedVersion(version, row.latest_version ?? '', series)) continue
    return `${module} is at ${row.latest_version} in the database, not at ${version}`
  }
  return null
}
