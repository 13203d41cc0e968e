// The till's database: one SQLite file with the sales and the versions of the installed addons. Every sale is on the disk
// before it is acknowledged. Migrations are the SQL files that the addons bring.
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { compareVersions } from '../release/version.ts'
import type { AddonManifest } from './addons-folder.ts'

export interface TillDatabase {
  /** Records a sale; one that is there already is left alone, so that a customer may ask again. */
  sell(ticket: string, total: number): void
  tickets(): string[]
  columns(): string[]
  /** What the installed addons lack, in words; empty when database and folder agree. New addons are registered. */
  pending(addons: readonly AddonManifest[]): string[]
  /** Brings every addon to the version in the folder. Returns what it ran. */
  migrate(folder: string, addons: readonly AddonManifest[]): string[]
  /** Writes a whole, consistent copy into a new file. */
  copyTo(path: string): void
  close(): void
}

const SCHEMA = `
  CREATE TABLE IF NOT EXISTS pos_tienda_venta (
    ticket varchar PRIMARY KEY,
    total numeric NOT NULL,
    date varchar NOT NULL DEFAULT CURRENT_TIMESTAMP
  );
  CREATE TABLE IF NOT EXISTS ir_module_module (name varchar PRIMARY KEY, latest_version varchar NOT NULL);
`

export function openTillDatabase(path: string): TillDatabase {
  const db = new DatabaseSync(path)
  db.exec('PRAGMA journal_mode = DELETE; PRAGMA synchronous = EXTRA; PRAGMA busy_timeout = 2000;')
  db.exec(SCHEMA)
  const installed = (name: string) =>
    db.prepare('SELECT latest_version AS version FROM ir_module_module WHERE name = ?').get(name)?.version as
      | string
      | undefined
  const register = (addon: AddonManifest) =>
    db.prepare('INSERT OR REPLACE INTO ir_module_module VALUES (?, ?)').run(addon.name, addon.version)
  return {
    sell(ticket, total) {
      db.prepare('INSERT OR IGNORE INTO pos_tienda_venta (ticket, total) VALUES (?, ?)').run(ticket, total)
    },
    tickets: () =>
      db
        .prepare('SELECT ticket FROM pos_tienda_venta ORDER BY ticket')
        .all()
        .map((row) => row.ticket as string),
    columns: () =>
      db
        .prepare("SELECT name FROM pragma_table_info('pos_tienda_venta')")
        .all()
        .map((row) => row.name as string),
    pending(addons) {
      for (const addon of addons) if (installed(addon.name) === undefined) register(addon)
      return addons
        .filter((addon) => installed(addon.name) !== addon.version)
        .map((addon) => `${addon.name}: database ${installed(addon.name)}, folder ${addon.version}`)
    },
    migrate(folder, addons) {
      return addons.flatMap((addon) => {
        const from = installed(addon.name)
        const scripts = from === undefined ? [] : migrationsBetween(folder, addon, from)
        db.exec('BEGIN')
        for (const script of scripts) db.exec(readFileSync(join(folder, addon.name, script), 'utf8'))
        register(addon)
        db.exec('COMMIT')
        return scripts.map((script) => `${addon.name}/${script}`)
      })
    },
    copyTo(path) {
      db.prepare('VACUUM INTO ?').run(path)
    },
    close: () => db.close()
  }
}

/** The SQL files of migrations above `from`, oldest first, relative to the addon. */
function migrationsBetween(folder: string, addon: AddonManifest, from: string): string[] {
  const migrations = join(folder, addon.name, 'migrations')
  if (!existsSync(migrations)) return []
  return readdirSync(migrations)
    .filter((version) => compareVersions('odoo', version, from) > 0)
    .filter((version) => compareVersions('odoo', version, addon.version) <= 0)
    .sort((a, b) => compareVersions('odoo', a, b))
    .flatMap((version) =>
      readdirSync(join(migrations, version))
        .filter((file) => file.endsWith('.sql'))
        .sort()
        .map((file) => `migrations/${version}/${file}`)
    )
}
