// Downloads on a slow line make way: what is carried for neighbours for what this branch itself needs, what is ordinary for
// what is critical, and a critical release that was withdrawn keeps no link open.
import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { mkdir } from 'node:fs/promises'
import { type TestContext, test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { callDaemon } from '../../src/control/client.ts'
import type { LinkStates } from '../../src/member/link-states.ts'
import { homePaths } from '../../src/system/home.ts'
import { addressOf, type DaemonEvent, json, Lab, writeTree } from './support.ts'

const OFFLINE = ['--no-internet', '--no-lan']

const app = (name: string, path: string) => `[apps.${name}]
profile = "generic"
modules = ["${name}"]
path = '${path}'
`

/** A branch that gets 1 Mbit/s, and whose internet is closed for the next hours. */
async function branch(t: TestContext, name: string, apps: string[]) {
  const lab = await Lab.create(t, name)
  await lab.init()
  await mkdir(lab.path('live'))
  const hour = (ahead: number) => `${new Date(Date.now() + ahead * 3_600_000).toISOString().slice(11, 13)}:00`
  const links = `[links.lan]\ndown = "1 Mbit/s"\n[links.internet]\nhours = "${hour(4)}-${hour(6)}"\n`
  const all = apps.map((one) => app(one, lab.path('live', one))).join('')
  await lab.branch('norte', `${links}[sticks]\nwatch = false\n${all}`)
  const publisher = await lab.daemon('publisher', 'publisher', '--listen', '127.0.0.1:0', ...OFFLINE)
  const node = await lab.daemon('node', 'norte', '--peer', await addressOf(publisher), ...OFFLINE)
  const publish = async (module: string, bytes: number, ...flags: string[]) => {
    const tree = await writeTree(lab.path(module), { 'a.bin': randomBytes(bytes) })
    await lab.publish(tree, '--module', module, '--version', '1.0.0', ...flags)
  }
  const call = (command: string) =>
    callDaemon(
      homePaths(lab.home('norte')).control,
      command,
      {},
      {
        emit: () => undefined,
        signal: AbortSignal.timeout(60_000)
      }
    )
  return { lab, node, publish, call }
}

const appliedTo = (name: string) => (event: DaemonEvent) => event.event === 'applied' && event.app === name
const fetching = (name: string) => (event: DaemonEvent) => event.event === 'fetching' && event.app === name

test('what is carried for neighbours waits while this branch needs something itself', async (t) => {
  const { node, publish, call } = await branch(t, 'carry', ['shop'])
  await publish('other', 3_000_000)
  const transfers = async () =>
    ((await call('status')) as { transfers: { app: string; done: number }[] }).transfers
  while (!(await transfers()).some(({ app: whose, done }) => whose === 'carry' && done > 0)) await sleep(100)
  await publish('shop', 1000)
  await node.event(appliedTo('shop'))
  assert.equal(
    node.events.some(({ event }) => event === 'carried'),
    false
  )
  // and goes on afterwards with what it had
  while (!(await transfers()).some(({ app: whose }) => whose === 'carry')) await sleep(100)
})

test('a critical release overtakes the download of another', async (t) => {
  const { node, publish } = await branch(t, 'critical', ['shop', 'till'])
  await publish('shop', 3_000_000)
  await node.event(fetching('shop'))
  await publish('till', 1000, '--severity', 'critical')
  await node.event(appliedTo('till'))
  assert.equal(node.events.some(appliedTo('shop')), false)
  await node.event(fetching('shop'), node.events.findIndex(appliedTo('till')))
})

test('a critical release that is withdrawn on its way keeps no link open any more', async (t) => {
  const { lab, node, publish, call } = await branch(t, 'withdrawn', ['shop'])
  const isOpen = async () => ((await call('links.show')) as LinkStates).internet.open
  assert.equal(await isOpen(), false)
  await publish('shop', 3_000_000, '--severity', 'critical')
  await node.event(fetching('shop'))
  assert.equal(await isOpen(), true)
  await json(['publisher', 'yank', 'shop@1.0.0', '--reason', 'wrong', '--home', lab.home('publisher')])
  while (await isOpen()) await sleep(100)
})
