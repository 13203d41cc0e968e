// The odoo profile: what the engine asks of an Odoo server, after what was measured on real ones (an upgrade commits module by
// module, so only a restore undoes it; half of its failures end with status 0; its login page answers 200 after most of them).
import { ChasquiError } from '../../../src/errors.ts'
import type { AppWork, Work } from '../../apply/work.ts'
import type { AppConfig } from '../../config/apps.ts'
import type { CheckConfig } from '../../config/checks.ts'
import { bringDown, bringUp, letUp } from '../../services/hold.ts'
import { isDown } from '../../services/service.ts'
import { findProgram } from '../commands.ts'
import { serviceOfCommands } from '../generic.ts'
import type { Profile } from '../profile.ts'
import { type Odoo, odooConfig, openOdoo, serverUrls } from './context.ts'
import { backUpDatabases, dropSetAside, rehearseUpgrade, restoreDatabases, verifyDumps } from './database.ts'
import { POSTGRES_TOOLS, quoteText } from './postgres.ts'
import { requireRights } from './rights.ts'
import { roomFor } from './room.ts'
import { disconnect, requireEndable } from './sessions.ts'
import { tryOut } from './try-out.ts'
import { modulesToUpgrade, pendingModules, upgrade } from './upgrade.ts'
import { odooUser } from './user.ts'

const STALE_ASSETS = `delete from ir_attachment where res_model = 'ir.ui.view'
  and (url like '/web/assets/%' or url like '/web/content/%assets%')`
export function odooProfile(app: AppConfig): Profile {
  const service = serviceOfCommands(app)
  return {
    derived: ['**/__pycache__', '**/__pycache__/**', '**/*.pyc'],
    isRunning: (work) => service.isRunning(work),
    isDown: (work) => isDown(service, work),
    async preflight(work) {
      await requirePrograms(work, service.tools)
      await service.requireManager?.(work)
      const odoo = await openOdoo(work)
      await odooUser(work, odoo)
      for (const database of odoo.config.databases) {
        if (!(await odoo.postgres.exists(database))) {
          throw new ChasquiError('DATABASE_MISSING', `there is no database ${database}`, {
            hint: `correct "databases" in [apps.${app.name}.odoo]: Odoo would create an empty one`
          })
        }
        const pending = await pendingModules(odoo, database)
        if (pending.length > 0) {
          throw new ChasquiError('ODOO_PENDING', `${database} has modules that wait: ${pending.join(', ')}`, {
            hint: 'finish or cancel that in Odoo first (Apps)'
          })
        }
        await refuseRemoval(work, odoo, database)
      }
      await requireRights(odoo)
      await requireEndable(work, odoo)
    },
    needs: async (work, workFolder) => roomFor(work, await openOdoo(work), workFolder),
    async stop(work, leniently) {
      await bringDown(work, service, leniently)
      try {
        const odoo = await openOdoo(work)
        for (const database of odoo.config.databases) await disconnect(work, odoo, database)
      } catch (error) {
        if (!leniently) throw error
        // a restore disconnects by itself, and without one nobody is in the way
        work.note((error as Error).message)
      }
    },
    start: (work) => bringUp(work, service),
    letUp: (work) => letUp(work, service),
    async backUp(work, into) {
      await backUpDatabases(work, await openOdoo(work), into)
      return true
    },
    async verifyBackup(work, from) {
      await verifyDumps(await openOdoo(work), from)
    },
    async restore(work, from) {
      await restoreDatabases(work, await openOdoo(work), from)
    },
    hasSetAside: async (work, database) => (await openOdoo(work)).postgres.exists(database),
    async dropSetAside(work, database) {
      await dropSetAside(await openOdoo(work), database)
    },
    async rehearse(work) {
      if (!odooConfig(app).rehearse) return false
      await rehearseUpgrade(work, await openOdoo(work))
      return true
    },
    migrate,
    async refresh(work) {
      const odoo = await openOdoo(work)
      for (const database of odoo.config.databases) await odoo.postgres.execute(database, STALE_ASSETS)
    },
    async lock() {},
    async unlock() {},
    async checks(work) {
      const odoo = await openOdoo(work)
      const common = { timeout: 60_000, wait: 1_000 }
      const database = { ...common, kind: 'database', name: 'odoo-database', retries: 2 } as const
      return [database, ...serverUrls(odoo).map((one) => loginCheck(odoo, one))]
    },
    async checkDatabase(work) {
      const odoo = await openOdoo(work)
      for (const database of odoo.config.databases) {
        const pending = await pendingModules(odoo, database)
        if (pending.length === 0) continue
        throw new ChasquiError('CHECK_FAILED', `${database} has modules that wait: ${pending.join(', ')}`)
      }
      return `nothing waits in ${odoo.config.databases.join(', ')}`
    },
    async provides(work, module) {
      const odoo = await openOdoo(work)
      const [database] = odoo.config.databases
      const sql = `select name from ir_module_module where name = ${quoteText(module)} and state = 'installed'`
      return database !== undefined && (await odoo.postgres.query(database, sql)).length > 0
    }
  }
}

async function migrate(work: Work): Promise<void> {
  const odoo = await openOdoo(work)
  const roots = { before: work.places.backedUp, after: work.places.live }
  const modules = await modulesToUpgrade(work, roots)
  for (const database of odoo.config.databases) {
    const request = { database, modules, roots, code: 'MIGRATION_FAILED' as const }
    const isUpgraded = await upgrade(work, odoo, request)
    if (!isUpgraded) work.note(`${database}: nothing to upgrade, a restart is enough`)
    await odoo.postgres.execute(database, STALE_ASSETS)
    if (odoo.config.lockout) await tryOut(work, odoo, request)
  }
}

/**
 * The login page with its assets. A server of several databases shows none without knowing which is meant: at an address
 * without one it is enough that it answers (each database has been looked at on the private port).
 */
function loginCheck(
  { config }: Odoo,
  { database, url }: { database: string | null; url: string }
): CheckConfig {
  const name = config.databases.length > 1 && database !== null ? `odoo-login-${database}` : 'odoo-login'
  const common = { kind: 'http', name, timeout: 60_000, wait: 1_000, retries: 60 } as const
  if (database !== null) return { ...common, url: `${url}/web/login`, expect: 200, assets: true }
  return { ...common, url: `${url}/web/login`, expect: [200, 302, 303, 404], assets: false }
}

async function requirePrograms(work: AppWork, tools: readonly string[]): Promise<void> {
  const { program, 'postgres-bin': folder } = odooConfig(work.app)
  const postgres = POSTGRES_TOOLS.map((tool) => (folder === undefined ? tool : `${folder}/${tool}`))
  for (const name of [program[0], ...postgres, ...tools]) {
    if ((await findProgram(work, name)) !== null) continue
    throw new ChasquiError('APPLY_TOOL_MISSING', `the program ${name} is not there`, {
      hint: `say where in [apps.${work.app.name}.odoo] (program, postgres-bin)`
    })
  }
}

/** Files of a module that a database has installed may not go: the server would not load any more. */
async function refuseRemoval(work: AppWork, odoo: Odoo, database: string): Promise<void> {
  for (const { module, to } of work.modules) {
    if (to !== null) continue
    const sql = `select name from ir_module_module where name = ${quoteText(module)} and state = 'installed'`
    if ((await odoo.postgres.query(database, sql)).length === 0) continue
    throw new ChasquiError('APPLY_REQUIRES', `${module} is installed in the database ${database}`, {
      hint: 'uninstall it in Odoo first (Apps)'
    })
  }
}
