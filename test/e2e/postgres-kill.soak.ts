// kill -9 of the real daemon at random moments of releases that migrate a real PostgreSQL: good releases, and such whose check
// fails, so that rollbacks are hit too; some starts are killed in their recovery. After each, files and database agree, the
// data is whole, and no sale is lost. CHASQUI_KILLS: how many kills; CHASQUI_SEED: for the same dice (moments are shares of a measured time).
import assert from 'node:assert/strict'
import { mkdir } from 'node:fs/promises'
import { after, before, describe, it } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { type PostgresCluster, startPostgres, whyNoPostgres } from '../apply/postgres.ts'
import { PostgresTill } from './postgres-till.ts'
import {
  addressOf,
  type Daemon,
  type DaemonEvent,
  json,
  Lab,
  readFolder,
  shopConfig,
  writeTree
} from './support.ts'

const KILLS = Number(process.env.CHASQUI_KILLS ?? 200)
const SEED = Number(process.env.CHASQUI_SEED ?? Date.now() % 1_000_000)
const KINDS = ['directory', 'overlay'] as const
const BAD_EVERY = 3 // one release in so many fails its check
const RECOVERY = 1200 // milliseconds from the start of a node in which its recovery is killed

const files = (version: string, isGood: boolean) => ({
  ...Object.fromEntries(
    Array.from({ length: 40 }, (_, i) => [`part-${i}.txt`, `part ${i} of ${i % 2 === 0 ? version : 'all'}\n`])
  ),
  [`only-${version}.txt`]: version,
  'health.txt': isGood ? 'good' : 'bad',
  'version.txt': version
})

/** 0…1, the same for the same seed. */
function randomFrom(seed: number): () => number {
  let state = seed >>> 0
  return () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0
    return state / 2 ** 32
  }
}

type Kind = (typeof KINDS)[number]
type Tally = Record<string, number>

function add(tally: Tally, what: string): void {
  tally[what] = (tally[what] ?? 0) + 1
}

/** What a node was doing when it died, as far as it had said. */
function momentOf(events: readonly DaemonEvent[]): string {
  const last = events.findLast((one) => one.event === 'step' || one.event === 'applied')
  if (last === undefined) return 'starting or recovering'
  if (last.event === 'applied') return 'after the apply'
  return last.state === 'begins' ? `in ${last.step}` : `after ${last.step}`
}

/** One branch with its till, that gets one release after the other. */
class Branch {
  readonly #lab: Lab
  readonly #till: PostgresTill
  readonly #kind: Kind
  readonly #address: string
  readonly #random: () => number
  /** milliseconds from the first step of an undisturbed release to its end: good, bad */
  readonly #length = { good: 0, bad: 0 }
  /** version → files */
  readonly #trees = new Map<string, string>()
  #node: Daemon
  #number = 0
  #good = ''
  #next = ''
  readonly kills: Tally = {}
  readonly ends: Tally = {}
  killed = 0

  private constructor(
    lab: Lab,
    till: PostgresTill,
    kind: Kind,
    random: () => number,
    address: string,
    node: Daemon
  ) {
    this.#lab = lab
    this.#till = till
    this.#kind = kind
    this.#random = random
    this.#address = address
    this.#node = node
  }

  static async open(lab: Lab, cluster: PostgresCluster, kind: Kind): Promise<Branch> {
    await lab.init()
    await mkdir(lab.path('live'))
    const app = lab.path('live', 'shop')
    const till = await PostgresTill.create(lab.path('till'), cluster, `till_${kind}`)
    await lab.branch('norte', shopConfig(app, till.config(app)))
    const publisher = await lab.daemon(
      'publisher',
      'publisher',
      '--listen',
      '127.0.0.1:0',
      '--no-internet',
      '--no-lan'
    )
    const address = await addressOf(publisher)
    const node = await lab.daemon('node', 'norte', '--peer', address)
    const branch = new Branch(lab, till, kind, randomFrom(SEED + KINDS.indexOf(kind)), address, node)
    till.open()
    // the first is installed only; the others tell how long a good and a bad one take
    for (const isGood of [true, true, false]) await branch.undisturbed(isGood)
    return branch
  }

  get sales(): number {
    return this.#till.sales
  }

  async close(): Promise<void> {
    await this.#till.pause()
  }

  /** One release that nothing disturbs. */
  async undisturbed(isGood: boolean): Promise<void> {
    const from = this.#node.events.length
    await this.#publish(isGood)
    await this.#node.event((one) => one.event === 'step', from)
    const startedAt = performance.now()
    const { result } = await this.#node.event((one) => one.event === 'applied', from)
    this.#length[isGood ? 'good' : 'bad'] = performance.now() - startedAt
    assert.equal(result, isGood ? 'committed' : 'rolled-back')
    await this.#judge(isGood)
  }

  /** One release, killed at a random moment and sometimes again in the recovery; then the node may finish. */
  async round(): Promise<void> {
    const isGood = this.#number % BAD_EVERY !== 0
    const from = this.#node.events.length
    await this.#publish(isGood)
    await this.#node.event((one) => one.event === 'step', from)
    await sleep(this.#random() * this.#length[isGood ? 'good' : 'bad'])
    await this.#kill(this.#node, from)
    const dice = this.#random()
    if (dice < 0.4) await this.#killRecovery()
    else if (dice < 0.7) await this.#judgeAtRest()
    this.#node = await this.#lab.daemon('node', 'norte', '--peer', this.#address)
    // the first report comes when all that is to be applied has been
    await this.#node.event((one) => one.event === 'reported')
    for (const { event, result } of this.#node.events) {
      if (event === 'recovered' || event === 'applied')
        add(this.ends, `${isGood ? 'good' : 'bad'} ${event}: ${result}`)
    }
    await this.#judge(isGood)
  }

  async #publish(isGood: boolean): Promise<void> {
    this.#next = `1.${this.#number++}.0`
    const source = this.#lab.path(`shop-${this.#next}`)
    await writeTree(source, files(this.#next, isGood))
    this.#trees.set(this.#next, sorted(await readFolder(source)))
    await this.#lab.publish(source, '--module', 'shop', '--kind', this.#kind)
  }

  async #kill(node: Daemon, from = 0): Promise<void> {
    await node.kill()
    add(this.kills, momentOf(node.events.slice(from)))
    this.killed++
  }

  /** Starts it and kills it while it goes on with what the last one left, or a little later. */
  async #killRecovery(): Promise<void> {
    const node = this.#lab.start('node', 'norte', '--peer', this.#address)
    await sleep(this.#random() * RECOVERY)
    await this.#kill(node)
  }

  /** What a start brings back before anything is tried again: old or new, whole. */
  async #judgeAtRest(): Promise<void> {
    await json(['node', 'history', '--home', this.#lab.home('norte')])
    const version = await this.#audit()
    assert.ok([this.#good, this.#next].includes(version), `the database is of ${version}`)
    add(this.ends, `at rest: ${version === this.#next ? 'new' : 'old'}`)
  }

  async #judge(isGood: boolean): Promise<void> {
    if (isGood) this.#good = this.#next
    assert.equal(await this.#audit(), this.#good, 'the version of the database')
  }

  /** The version on which files and database agree, both whole. */
  async #audit(): Promise<string> {
    await this.#till.pause()
    const version = await this.#till.audit()
    const tree = sorted(await readFolder(this.#lab.path('live', 'shop')))
    assert.equal(tree, this.#trees.get(version), `the database is of ${version}, the files are not`)
    this.#till.open()
    return version
  }
}

const sorted = (files: Record<string, string>) => JSON.stringify(Object.entries(files).sort())

const reason = whyNoPostgres()
describe('kill -9 with a real PostgreSQL', {
  concurrency: true,
  ...(reason === undefined ? {} : { skip: reason })
}, () => {
  let cluster: PostgresCluster
  before(async () => {
    cluster = await startPostgres()
  })
  after(() => cluster?.stop())

  for (const kind of KINDS) {
    const kills = Math.ceil(KILLS / KINDS.length)
    it(`at ${kills} random moments leaves files and database in agreement (${kind})`, async (t) => {
      t.diagnostic(`seed ${SEED}`)
      const lab = await Lab.create(t, `postgres-${kind}`)
      const branch = await Branch.open(lab, cluster, kind)
      try {
        while (branch.killed < kills) await branch.round()
        await branch.undisturbed(true)
      } finally {
        await branch.close()
        t.diagnostic(`${branch.killed} kills, ${branch.sales} sales; when: ${JSON.stringify(branch.kills)}`)
        t.diagnostic(`ends: ${JSON.stringify(branch.ends)}`)
      }
    })
  }
})
