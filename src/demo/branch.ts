// One branch of the demo: its home, its till with addons folder and database, its chasqui.toml, and what the demo does with
// it. All of Chasqui is done by the command line; only the till's folder and the configuration are written here.
import { execFile } from 'node:child_process'
import { mkdir, writeFile } from 'node:fs/promises'
import { extname, join } from 'node:path'
import { promisify } from 'node:util'
import { z } from 'zod'
import { type Customers, sendCustomers, ticketsOf } from './customers.ts'
import { freePort, type Processes } from './processes.ts'

const CONTROL = join(import.meta.dirname, `till-control${extname(import.meta.filename)}`)

const applyResult = z.object({
  result: z.string(),
  downtime: z.number().optional(),
  error: z.object({ code: z.string(), message: z.string() }).optional(),
  steps: z.array(z.object({ step: z.string(), ms: z.number(), ok: z.boolean() }))
})
export type Applied = z.infer<typeof applyResult> & { ms: number }

const planResult = z.object({
  transactions: z.array(
    z.object({
      releases: z.array(z.object({ module: z.string(), to: z.string().nullable(), bytes: z.number() }))
    })
  )
})

export interface BranchOptions {
  processes: Processes
  /** folder of everything that belongs to it */
  folder: string
  name: string
  /** how the demo's table calls its link */
  link: string
}

export class Branch {
  readonly name: string
  readonly link: string
  readonly home: string
  readonly addons: string
  private readonly processes: Processes
  private readonly till: string
  private readonly port: number
  private customers: Customers | null = null
  /** bytes of packs that its updates took, by the plan */
  bytes = 0
  applied: Applied[] = []

  private constructor(options: BranchOptions, port: number) {
    this.processes = options.processes
    this.name = options.name
    this.link = options.link
    this.home = join(options.folder, 'home')
    this.addons = join(options.folder, 'addons')
    this.till = join(options.folder, 'till')
    this.port = port
  }

  /** Sets up the till's folder. */
  static async create(options: BranchOptions): Promise<Branch> {
    const branch = new Branch(options, await freePort())
    await mkdir(branch.till, { recursive: true })
    const settings = { name: branch.name, port: branch.port, addons: branch.addons }
    await writeFile(join(branch.till, 'till.json'), JSON.stringify(settings))
    return branch
  }

  /** Joins with an invite and writes the configuration. */
  async join(invite: string): Promise<void> {
    await this.processes.chasqui(this.home, ['node', 'join', invite, '--name', this.name])
    await writeFile(join(this.home, 'chasqui.toml'), this.configuration())
  }

  private configuration(): string {
    const control = (...words: string[]) =>
      `[${[process.execPath, CONTROL, this.till, ...words].map((word) => JSON.stringify(word)).join(', ')}]`
    return `[node]
name = ${JSON.stringify(this.name)}
environment = "production"

[apps.tienda]
profile = "generic"
modules = ["*"]
channel = "stable"
path = ${JSON.stringify(this.addons)}
auto = "none"
env = { NODE_COMPILE_CACHE = ${JSON.stringify(this.processes.compileCache)} }

[apps.tienda.commands]
stop = ${control('stop')}
start = ${control('start')}
backup = ${control('dump', '{backup}')}
restore = ${control('load', '{backup}')}
migrate = ${control('migrate')}

[[apps.tienda.checks]]
kind = "http"
url = "http://127.0.0.1:${this.port}/web/login"
expect = 200
retries = 2
wait = "200 ms"

[[apps.tienda.checks]]
kind = "log"
path = ${JSON.stringify(join(this.till, 'till.log'))}
retries = 0
`
  }

  async run(linkFlags: readonly string[]): Promise<void> {
    await this.processes.daemon(this.home, ['node', 'run', ...linkFlags])
  }

  /** Bytes that the plan needs to bring `module` to `version`, or null when the plan does not have it yet. */
  async planned(module: string, version: string): Promise<number | null> {
    const { value } = await this.processes.chasqui(this.home, ['node', 'plan'])
    const releases = planResult.parse(value).transactions.flatMap((transaction) => transaction.releases)
    const isThere = releases.some((release) => release.module === module && release.to === version)
    return isThere ? releases.reduce((sum, release) => sum + release.bytes, 0) : null
  }

  /** Applies what is planned; status 0 or 6 (rolled back by itself). */
  async apply(): Promise<Applied> {
    const { value, ms } = await this.processes.chasqui(this.home, ['node', 'apply', '--now'], [0, 6])
    const applied = { ...applyResult.parse(value), ms }
    this.applied.push(applied)
    return applied
  }

  openForCustomers(): void {
    this.customers = sendCustomers(this.port, this.name.replaceAll(/\W/g, '').slice(-5).toUpperCase())
  }

  /** Customers leave; how many sales were acknowledged, and how many of them the till's database lacks. */
  async countSales(): Promise<{ acknowledged: number; lost: number; waited: number }> {
    await this.customers?.leave()
    const acknowledged = this.customers?.acknowledged ?? new Set<string>()
    const kept = await ticketsOf(this.port)
    const lost = [...acknowledged].filter((ticket) => !kept.has(ticket)).length
    return { acknowledged: acknowledged.size, lost, waited: this.customers?.waited ?? 0 }
  }

  /** What the login page of the till says, with its HTTP status. */
  async login(): Promise<{ status: number; page: string }> {
    const response = await fetch(`http://127.0.0.1:${this.port}/web/login`)
    return { status: response.status, page: await response.text() }
  }

  /** Closes the shop; the node itself is ended with the demo's processes. */
  async close(): Promise<void> {
    await this.customers?.leave()
    await promisify(execFile)(process.execPath, [CONTROL, this.till, 'stop'])
  }
}
