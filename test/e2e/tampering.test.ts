// Somebody on the line changes bits for as long as they like: nothing of it is stored, the live tree stays as it is, and the
// release comes when they stop. Real daemons, over TCP and over Hyperswarm (a DHT on loopback).
import assert from 'node:assert/strict'
import { type ChildProcess, spawn } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { mkdir, rm, stat, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { pathToFileURL } from 'node:url'
import { startLocalDht } from '../../src/net/testnet.ts'
import { relayTo } from './relay.ts'
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

interface Line {
  publisher: Daemon
  /** flags of the branch */
  flags: string[]
  /** changes bits from now on, or no more */
  tamper(isOn: boolean): Promise<void>
  /** pieces that were changed so far */
  changed(): Promise<number>
}

async function tcp(t: TestContext, lab: Lab): Promise<Line> {
  const publisher = await lab.daemon(
    'publisher',
    'publisher',
    '--listen',
    '127.0.0.1:0',
    '--no-internet',
    '--no-lan'
  )
  let isOn = false
  let pieces = 0
  const relay = await relayTo(t, await addressOf(publisher), async (chunk) => {
    if (!isOn || chunk.length < 4000) return chunk
    pieces++
    const copy = Buffer.from(chunk)
    copy[chunk.length >> 1] = (copy[chunk.length >> 1] as number) ^ 1
    return copy
  })
  const tamper = async (on: boolean) => {
    isOn = on
  }
  return { publisher, flags: ['--peer', relay.address, '--no-internet'], tamper, changed: async () => pieces }
}

async function hyperswarm(t: TestContext, lab: Lab): Promise<Line> {
  const dht = await startLocalDht()
  t.after(() => dht.close())
  const flag = lab.path('tamper')
  const preload = pathToFileURL(join(import.meta.dirname, 'tamper-swarm.ts')).href
  const env = { ...process.env, CHASQUI_TAMPER: flag, NODE_OPTIONS: `--import=${preload}` }
  const start = (command: string, args: string[]): ChildProcess =>
    spawn(command, args, { stdio: ['ignore', 'pipe', 'pipe'], env })
  const flags = ['--bootstrap', ...dht.bootstrap]
  const publisher = await lab.daemonOn(start, 'publisher', 'publisher', '--no-lan', ...flags)
  return {
    publisher,
    flags,
    tamper: (isOn) => (isOn ? writeFile(flag, '') : rm(flag)),
    changed: async () => (await stat(`${flag}.count`).catch(() => ({ size: 0 }))).size
  }
}

const applied = (version: string) => (event: DaemonEvent) =>
  event.event === 'applied' && JSON.stringify(event.releases).includes(`"to":"${version}"`)

for (const [name, open] of Object.entries({ tcp, hyperswarm })) {
  test(`bits that somebody changes on a line (${name}) store nothing and touch nothing`, async (t) => {
    const lab = await Lab.create(t, `tamper-${name}`)
    await lab.init()
    await mkdir(lab.path('live'))
    const live = lab.path('live', 'shop')
    const config = shopConfig(live)
    const home = await lab.branch(
      'norte',
      name === 'tcp' ? config : config.replace('internet = false', 'internet = true')
    )
    const first = await writeTree(lab.path('v1'), { 'version.txt': '1.0.0\n', 'a.bin': randomBytes(200_000) })
    await lab.publish(first, '--module', 'shop', '--version', '1.0.0')
    const line = await open(t, lab)
    const node = await lab.daemon('node', 'norte', ...line.flags)
    assert.equal((await node.event(applied('1.0.0'))).result, 'committed')
    const before = await readFolder(live)

    await line.tamper(true)
    const second = await writeTree(lab.path('v2'), {
      'version.txt': '2.0.0\n',
      'a.bin': randomBytes(1_000_000)
    })
    await lab.publish(second, '--module', 'shop', '--version', '2.0.0')
    const losses = () => node.events.filter(({ event }) => event === 'peer-gone').length
    while ((await line.changed()) < 5 || losses() < 3) {
      assert.deepEqual(await readFolder(live), before)
      await sleep(200)
    }
    assert.equal(node.events.some(applied('2.0.0')), false)
    // whatever is in the store has been verified: every block that is here is what was signed
    const { packs } = await json<{ packs: { bad: unknown[] } }>(['node', 'fsck', '--home', home])
    assert.deepEqual(packs.bad, [])
    assert.deepEqual(await readFolder(live), before)

    await line.tamper(false)
    assert.equal((await node.event(applied('2.0.0'))).result, 'committed')
    assert.deepEqual(await readFolder(live), await readFolder(second))
    t.diagnostic(`${await line.changed()} pieces were changed, ${losses()} connections ended`)
  })
}
