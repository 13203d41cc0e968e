// A release that fails elsewhere while a slow branch is still fetching it: the branch hears of it through gossip, gives the
// fetch up by itself, and goes on when the publisher lets it.
import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { mkdir } from 'node:fs/promises'
import { test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { addressOf, type DaemonEvent, json, Lab, writeTree } from './support.ts'

const OFFLINE = ['--no-internet', '--no-lan']

const config = (path: string, more = '') => `[links.lan]
down = "1 Mbit/s"
[sticks]
watch = false
[apps.shop]
profile = "generic"
modules = ["shop"]
path = '${path}'
${more}`

/** Right for version 1 only. */
const picky = (path: string) => `[[apps.shop.checks]]
kind = "command"
command = ["grep", "-q", "1.0.0", "${path}/version.txt"]
retries = 0
`

interface Status {
  halts: { version: string; branches: string[] }[]
  apps: { modules: { version: string; state: string }[] }[]
}

const ended = (version: string) => (event: DaemonEvent) =>
  event.event === 'applied' && JSON.stringify(event.releases).includes(`"to":"${version}"`)

test('a fetch is given up when the release is halted, and goes on after a resume', async (t) => {
  const lab = await Lab.create(t, 'halt')
  await lab.init()
  await mkdir(lab.path('live'))
  const [uno, slow] = [lab.path('live', 'uno'), lab.path('live', 'slow')]
  await lab.branch('uno', config(uno, picky(uno)).replace('1 Mbit/s', '800 Mbit/s'))
  await lab.branch('slow', config(slow))
  const publisher = await lab.daemon('publisher', 'publisher', '--listen', '127.0.0.1:0', ...OFFLINE)
  const peer = ['--peer', await addressOf(publisher), ...OFFLINE]
  const first = await writeTree(lab.path('v1'), { 'version.txt': '1.0.0\n' })
  await lab.publish(first, '--module', 'shop', '--version', '1.0.0')
  const fast = await lab.daemon('node', 'uno', ...peer)
  const node = await lab.daemon('node', 'slow', ...peer)
  await Promise.all([fast.event(ended('1.0.0')), node.event(ended('1.0.0'))])

  const second = await writeTree(lab.path('v2'), {
    'version.txt': '2.0.0\n',
    'd.bin': randomBytes(2_500_000)
  })
  await lab.publish(second, '--module', 'shop', '--version', '2.0.0', '--channel', 'beta')
  const home = ['--home', lab.home('publisher')]
  await json(['publisher', 'promote', 'shop@2.0.0', '--to', 'stable', '--halt-after', '1/1', ...home])
  assert.equal((await fast.event(ended('2.0.0'))).result, 'rolled-back')
  const status = () => json<Status>(['node', 'status', '--home', lab.home('slow')])
  let seen = await status()
  while (seen.halts.length === 0) seen = await status()
  assert.deepEqual(seen.halts[0]?.branches, ['uno'])
  const fetched = () => node.events.filter(({ event }) => event === 'fetching').length
  for (let before = -1; before !== fetched(); await sleep(2_000)) before = fetched()
  seen = await status()
  assert.deepEqual(
    seen.apps.flatMap(({ modules }) => modules.map(({ version, state }) => [version, state])),
    [['1.0.0', 'PLAN_HALTED']]
  )
  assert.equal(node.events.some(ended('2.0.0')), false)

  await json(['publisher', 'rollout', 'shop', 'resume', ...home])
  assert.equal((await node.event(ended('2.0.0'))).result, 'committed')
})
