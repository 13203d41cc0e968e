// An operator's pause between real daemons: nothing is fetched while it lasts, which is a state and no problem, and afterwards it goes on,
// with how fast and how long in every event.
import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Transfer } from '../../node/transfers.ts'
import type { LinkStates } from '../../src/member/link-states.ts'
import { addressOf, json, Lab, writeTree } from './support.ts'

const OFFLINE = ['--no-internet', '--no-lan']

const config = (path: string, down = '2 Mbit/s') => `[links]
lan = true
[[links.lan.rates]]
hours = "00:00-24:00"
down = "${down}"
[sticks]
watch = false
[apps.shop]
profile = "generic"
modules = ["shop"]
path = '${path}'
`

interface Status {
  apps: { modules: { state: string }[] }[]
  problems: unknown[]
  links: LinkStates
  transfers: Transfer[]
}

test('releases wait while the links are paused by command, and come after it', async (t) => {
  const lab = await Lab.create(t, 'links')
  await lab.init()
  await mkdir(lab.path('live'))
  await lab.branch('norte', config(lab.path('live', 'shop')))
  const publisher = await lab.daemon('publisher', 'publisher', '--listen', '127.0.0.1:0', ...OFFLINE)
  const node = await lab.daemon('node', 'norte', '--peer', await addressOf(publisher), ...OFFLINE)
  const links = (...args: string[]) =>
    json<LinkStates>(['node', 'links', ...args, '--home', lab.home('norte')])
  const status = () => json<Status>(['node', 'status', '--home', lab.home('norte')])

  const until = (await links('pause', '--for', '2 h')).lan.paused?.until ?? ''
  assert.ok(Date.parse(until) > Date.now())
  const tree = await writeTree(lab.path('v1'), { 'a.bin': randomBytes(4_000_000) })
  await lab.publish(tree, '--module', 'shop', '--version', '1.0.0')
  // a state, not a problem, here and at the publisher
  const waiting = await node.event(({ event }) => event === 'paused')
  assert.deepEqual([waiting.app, waiting.releases], ['shop', ['shop@1.0.0']])
  const before = await status()
  assert.deepEqual([before.links.lan.paused, before.transfers], [{ by: 'operator', until }, []])
  assert.deepEqual(
    [before.apps.flatMap(({ modules }) => modules.map(({ state }) => state)), before.problems],
    [['paused'], []]
  )
  assert.equal(
    node.events.some(({ event }) => event === 'problem'),
    false
  )
  assert.equal(
    node.events.some(({ event }) => event === 'fetching'),
    false
  )

  const resumed = await links('resume')
  assert.deepEqual([resumed.lan.paused, resumed.lan.rates], [null, { down: 250_000, up: null }])
  await node.event(({ event, done }) => event === 'fetching' && Number(done) > 300_000)
  const during = (await status()).transfers
  assert.deepEqual(
    during.map(({ app, releases, total }) => [app, releases, total > 1_000_000]),
    [['shop', ['shop@1.0.0'], true]]
  )
  assert.ok(during.every(({ rate, eta }) => rate > 0 && eta !== null))
  const applied = await node.event(({ event }) => event === 'applied')
  assert.equal(applied.result, 'committed')
  const told = node.events.filter(({ event }) => event === 'fetching')
  assert.ok(told.some(({ rate, eta }) => Number(rate) > 0 && Number(eta) > 0))
  assert.deepEqual((await status()).transfers, [])
})

test('a publisher that is paused serves no releases, at the rate of its chasqui.toml after it', async (t) => {
  const lab = await Lab.create(t, 'links-publisher')
  await lab.init()
  await mkdir(lab.path('live'))
  const home = lab.home('publisher')
  await writeFile(join(home, 'chasqui.toml'), '[links]\ninternet = false\n[links.lan]\nup = "4 Mbit/s"\n')
  await lab.branch('norte', config(lab.path('live', 'shop')))
  const publisher = await lab.daemon('publisher', 'publisher', '--listen', '127.0.0.1:0', ...OFFLINE)
  const node = await lab.daemon('node', 'norte', '--peer', await addressOf(publisher), ...OFFLINE)
  const links = (...args: string[]) => json<LinkStates>(['publisher', 'links', ...args, '--home', home])

  assert.deepEqual((await links('pause')).lan.paused, { by: 'operator', until: null })
  const tree = await writeTree(lab.path('v1'), { 'a.bin': randomBytes(300_000) })
  await lab.publish(tree, '--module', 'shop', '--version', '1.0.0')
  await node.event(({ event }) => event === 'updates')
  await sleep(3000)
  assert.equal(
    node.events.some(({ event }) => event === 'fetching'),
    false
  )
  const states = await links('resume')
  assert.deepEqual([states.lan.paused, states.lan.rates.up, states.internet.enabled], [null, 500_000, false])
  assert.equal((await node.event(({ event }) => event === 'applied')).result, 'committed')
})

test('a download ends when a stick brings what it waits for', async (t) => {
  const lab = await Lab.create(t, 'links-stick')
  await lab.init()
  await mkdir(lab.path('live'))
  const stick = lab.path('stick')
  await mkdir(stick)
  const home = await lab.branch('norte', `${config(lab.path('live', 'shop'), '64 kbit/s')}auto = "none"\n`)
  const tree = await writeTree(lab.path('v1'), { 'a.bin': randomBytes(4_000_000) })
  await lab.publish(tree, '--module', 'shop', '--version', '1.0.0')
  const publisher = await lab.daemon('publisher', 'publisher', '--listen', '127.0.0.1:0', ...OFFLINE)
  const node = await lab.daemon('node', 'norte', '--peer', await addressOf(publisher), ...OFFLINE)
  const transfers = async () => (await json<Status>(['node', 'status', '--home', home])).transfers
  await node.event(({ event, done }) => event === 'fetching' && Number(done) > 0)
  assert.equal((await transfers()).length, 1)
  await json(['usb-sync', 'export', stick, '--home', lab.home('publisher')])
  await json(['usb-sync', 'import', stick, '--home', home])
  // by the line it would take eight minutes
  for (let looks = 0; (await transfers()).length > 0; looks++) {
    assert.ok(looks < 30, 'it goes on')
    await sleep(500)
  }
  const ended = node.events.filter(({ event }) => event === 'fetching').at(-1)
  assert.equal(ended?.done, ended?.total)
})
