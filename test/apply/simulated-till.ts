// An application that exists in memory: a service that runs what its folder holds, a database with a schema version and
// sales, and the `ctl` program of the operator's commands. It keeps the promises that a real one would be judged by.
import type { ProcessRequest, ProcessResult, ProcessRunner } from '../../src/system/process.ts'
import type { SimulatedDisk } from './simulated-disk.ts'

export interface TillDatabase {
  schema: string
  /** migrations that ran, in order: one that runs twice is seen */
  migrations: string[]
  sales: string[]
}

export interface TillFaults {
  /** the migration changes the database and then fails */
  migrationFails?: boolean
  /** health is bad while a folder holds this version */
  sickVersion?: string
  stopFails?: boolean
  /** it is down, and says that it could not be stopped */
  stopLies?: boolean
  startFailsWith?: string
  backupIsEmpty?: boolean
  /** a restore leaves half of a database, and fails */
  loadFails?: boolean
  unlockFails?: boolean
}

export class SimulatedTill implements ProcessRunner {
  running = true
  locked = false
  database: TillDatabase = { schema: '1.0.0', migrations: [], sales: ['before'] }
  faults: TillFaults = {}
  readonly calls: string[] = []
  /** sales that users were told are made: none may be lost */
  readonly sold: string[] = ['before']
  /** a file that keeps the operating system from starting it, as a unit with ConditionPathExists; null: it does not look */
  heldBy: string | null = null
  /** the folder of a module in which it keeps a file for each sale; null: nowhere */
  receipts: string | null = null
  readonly printed: string[] = []
  readonly #disk: SimulatedDisk
  readonly #root: string

  constructor(disk: SimulatedDisk, root: string) {
    this.#disk = disk
    this.#root = root
  }

  /** The operating system was started again: services start, memory is gone, the database is durable. */
  restart(): void {
    this.running = this.heldBy === null || Object.keys(this.#disk.snapshot(this.heldBy)).length === 0
  }

  /** An operator starts it, whatever is in its folder, and lets users in. */
  startByHand(): void {
    this.running = true
    this.locked = false
  }

  /** A sale by a user, if one can get in. */
  sell(name: string): boolean {
    if (!this.running || this.locked) return false
    this.database.sales.push(name)
    this.sold.push(name)
    this.#printReceipt(name)
    return true
  }

  /** An application writes files of its own into its first folder, and cannot where there is none. */
  #printReceipt(name: string): void {
    if (this.receipts === null || Object.keys(this.#disk.snapshot(this.receipts)).length === 0) return
    this.#disk.plant(`${this.receipts}/receipts/${name}.txt`, name)
    this.printed.push(name)
  }

  /** What the running service is made of: the versions in its folders. */
  version(): string {
    const files = this.#disk.snapshot(this.#root)
    const versions = Object.entries(files).filter(([name]) => name.endsWith('version.txt'))
    return [...new Set(versions.map(([, text]) => text))].join('+')
  }

  async run(request: ProcessRequest): Promise<ProcessResult> {
    const [, verb = '', ...args] = request.command
    await request.onStart?.({ pid: 1, startedAt: 'test' })
    this.calls.push([verb, ...args].join(' '))
    return this.#answer(verb, args)
  }

  async end(): Promise<void> {}

  async #answer(verb: string, args: string[]): Promise<ProcessResult> {
    switch (verb) {
      case 'stop':
        if (this.faults.stopFails === true) return result(1, 'will not stop')
        if (!this.running) return result(1, 'not running')
        this.running = false
        return this.faults.stopLies === true ? result(1, 'stopped badly') : result(0)
      case 'start':
        if (this.running) return result(1, 'already running')
        if (this.faults.startFailsWith === this.version()) return result(1, 'will not start')
        this.running = true
        return result(0)
      case 'status':
        return result(this.running ? 0 : 3)
      case 'dump':
        await this.#dump(String(args[0]))
        return result(0)
      case 'load':
        return this.#load(String(args[0]))
      case 'migrate':
        this.database.migrations.push(`${args[0]}→${args[1]}`)
        this.database.schema = `half ${args[1]}`
        if (this.faults.migrationFails === true) return result(1, 'migration failed')
        this.database.schema = String(args[1])
        return result(0)
      case 'lock':
        this.locked = true
        return result(0)
      case 'unlock':
        if (this.faults.unlockFails === true) return result(1, 'stays locked')
        this.locked = false
        return result(0)
      case 'health':
        return this.#isHealthy() ? result(0, 'well') : result(1, 'sick')
      default:
        return result(64, `no verb ${verb}`)
    }
  }

  #isHealthy(): boolean {
    return (
      this.running && this.version() === this.database.schema && this.version() !== this.faults.sickVersion
    )
  }

  async #dump(path: string): Promise<void> {
    const writer = await this.#disk.createFile(path, 0o600)
    if (this.faults.backupIsEmpty !== true) await writer.write(Buffer.from(JSON.stringify(this.database)))
    await writer.close()
  }

  async #load(path: string): Promise<ProcessResult> {
    const reader = await this.#disk.openFile(path)
    if (this.faults.loadFails === true) {
      this.database = { schema: 'half restored', migrations: [], sales: [] }
      return result(1, 'restore failed')
    }
    try {
      this.database = JSON.parse(Buffer.from(await reader.read(0, 1e6)).toString()) as TillDatabase
      return result(0)
    } catch {
      return result(1, 'not a dump')
    }
  }
}

function result(status: number, output = ''): ProcessResult {
  return { status, output, duration: 1 }
}
