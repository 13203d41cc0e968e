// What the engine remembers between transactions: installed versions and their file lists, backups, history, quarantine,
// holds. Keys of the node's state; a transaction that ends changes all of them in one atomic step.
import { ChasquiError } from '../../src/errors.ts'
import { encodeManifest, type Manifest, parseManifest } from '../../src/release/manifest.ts'
import type { StateStore } from '../../src/system/state.ts'
import type { Operation } from './operations.ts'
import type { BackupInfo, HistoryEntry, InstalledModule, QuarantineEntry, SetAsideInfo } from './types.ts'

export const KEYS = {
  installed: (app: string, module = '') => `apply/installed/${app}/${module}`,
  manifest: (app: string, module: string) => `apply/manifest/${app}/${module}`,
  staged: (app: string, module: string) => `apply/staged/${app}/${module}`,
  operations: (app: string) => `apply/operations/${app}`,
  backup: (app: string, id = '') => `apply/backup/${app}/${id}`,
  backupManifest: (app: string, id: string, module: string) => `apply/backup-manifest/${app}/${id}/${module}`,
  setAside: (app: string, id = '') => `apply/set-aside/${app}/${id}`,
  /** ids of transactions follow one another also where the clock was set back */
  history: (transaction = '') => `apply/history/${transaction}`,
  quarantine: (app: string, module = '', track = '', version = '') =>
    module === '' ? `apply/quarantine/${app}/` : `apply/quarantine/${app}/${module}/${track}/${version}`,
  hold: (app: string, module = '') => `apply/hold/${app}/${module}`,
  /** the highest version of a module and track that passed its checks */
  floor: (app: string, module = '', track = '') =>
    module === '' ? `floor/${app}/` : `floor/${app}/${module}/${track}`,
  /** sizes of the checked logs at the last start */
  logMarks: (app: string) => `apply/log-marks/${app}`,
  program: (app: string) => `apply/program/${app}`,
  pruning: (app?: string, name = '') => `apply/pruning/${app === undefined ? '' : `${app}/${name}`}`
} as const

/** The exchange of files of the transaction under way. */
export interface PlannedExchange {
  transaction: string
  operations: Operation[]
}

export function manifestText(manifest: Manifest): string {
  return Buffer.from(encodeManifest(manifest)).toString('utf8')
}

function readManifest(value: unknown): Manifest | null {
  return typeof value === 'string' ? parseManifest(Buffer.from(value)) : null
}

/** Typed reading of the engine's part of the state. */
export interface Records {
  installed(app: string): Promise<InstalledModule[]>
  manifest(app: string, module: string): Promise<Manifest | null>
  stagedManifest(app: string, module: string): Promise<Manifest | null>
  exchange(app: string, transaction: string): Promise<PlannedExchange>
  backups(app: string): Promise<BackupInfo[]>
  setAside(app: string): Promise<SetAsideInfo[]>
  backup(app: string, id: string | null): Promise<BackupInfo>
  backupManifest(app: string, id: string, module: string): Promise<Manifest | null>
  history(options: { app?: string; limit?: number }): Promise<HistoryEntry[]>
  quarantine(app: string): Promise<QuarantineEntry[]>
  holds(app: string): Promise<string[]>
  floor(app: string, module: string, track: string): Promise<string | null>
  /** sizes of the checked logs when the application was last started, by their real paths */
  logMarks(app: string): Promise<Record<string, number>>
}

export function createRecords(state: StateStore): Records {
  const values = async <T>(prefix: string) => (await state.list(prefix)).map(([, value]) => value as T)
  const newestFirst = async <T extends { id: string }>(prefix: string) =>
    (await values<T>(prefix)).sort((a, b) => (a.id < b.id ? 1 : -1))
  const backups = (app: string) => newestFirst<BackupInfo>(KEYS.backup(app))
  return {
    backups,
    setAside: (app) => newestFirst<SetAsideInfo>(KEYS.setAside(app)),
    installed: (app) => values<InstalledModule>(KEYS.installed(app)),
    manifest: async (app, module) => readManifest(await state.get(KEYS.manifest(app, module))),
    logMarks: async (app) => ((await state.get(KEYS.logMarks(app))) ?? {}) as Record<string, number>,
    stagedManifest: async (app, module) => readManifest(await state.get(KEYS.staged(app, module))),
    async exchange(app, transaction) {
      const found = (await state.get(KEYS.operations(app))) as PlannedExchange | undefined
      return found?.transaction === transaction ? found : { transaction, operations: [] }
    },
    async backup(app, id) {
      const all = await backups(app)
      const found = id === null ? all[0] : all.find((one) => one.id === id)
      if (found !== undefined) return found
      throw new ChasquiError(
        'BACKUP_NOT_FOUND',
        id === null ? `${app} has no backup` : `${app} has no backup ${id}`,
        {
          hint:
            all.length > 0
              ? `there are: ${all.map((one) => one.id).join(', ')}`
              : 'the first update makes one'
        }
      )
    },
    backupManifest: async (app, id, module) =>
      readManifest(await state.get(KEYS.backupManifest(app, id, module))),
    async history({ app, limit = 100 }) {
      const all: HistoryEntry[] = []
      const few = app === undefined ? { limit } : {}
      for (const [, value] of await state.list(KEYS.history(), { reverse: true, ...few })) {
        const entry = value as HistoryEntry
        if (app !== undefined && entry.app !== app) continue
        all.push(entry)
        if (all.length === limit) break
      }
      return all
    },
    quarantine: (app) => values<QuarantineEntry>(KEYS.quarantine(app)),
    floor: async (app, module, track) =>
      ((await state.get(KEYS.floor(app, module, track))) as string | undefined) ?? null,
    holds: async (app) => {
      const prefix = KEYS.hold(app)
      return (await state.list(prefix)).map(([key]) => key.slice(prefix.length))
    }
  }
}
