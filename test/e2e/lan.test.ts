// Real programs on the hosts of a LAN with no route out: they find one another, the pack and the reports go round, and the
// publisher may be away.
import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { mkdir } from 'node:fs/promises'
import { describe, it } from 'node:test'
import { labUnavailable, Lab as Network } from '../net/labnet.ts'
import { type Daemon, type DaemonEvent, json, Lab, readFolder, writeTree } from './support.ts'

const skip = labUnavailable()

const config = (path: string) => `[links]
lan = true
internet = false
[sticks]
watch = false
[apps.shop]
profile = "generic"
modules = ["shop"]
path = '${path}'
`

const applied = ({ event, result }: DaemonEvent) => event === 'applied' && result === 'committed'

interface Fleet {
  branches: { name: string; modules: Record<string, string> }[]
}

describe('a LAN with no route out', { skip }, () => {
  it('brings a release to all, to a latecomer without the publisher, and every report home', async (t) => {
    const network = new Network(5)
    t.after(() => network.close())
    const lab = await Lab.create(t, 'lan')
    await lab.init()
    await mkdir(lab.path('live'))
    const names = ['uno', 'dos', 'tres', 'tarde']
    for (const name of names) await lab.branch(name, config(lab.path('live', name)))
    const on = (host: number) => (command: string, args: string[]) =>
      network.run(host, command, args, { stderr: 'pipe' })
    const start = (name: string, host: number): Promise<Daemon> => lab.daemonOn(on(host), 'node', name)

    const publisher = await lab.daemonOn(on(1), 'publisher', 'publisher', '--no-internet')
    const first = await Promise.all([start('uno', 2), start('dos', 3), start('tres', 4)])
    const ready = Date.now()
    await Promise.all(
      first.map((node) => node.event(({ event, name }) => event === 'peer' && name === 'Fleet'))
    )
    t.diagnostic(
      `found and connected with the publisher ${Date.now() - ready} ms after the last of them was ready`
    )
    const bytes = { 'version.txt': '1.0.0\n', 'data.bin': randomBytes(5_000_000) }
    const source = await writeTree(lab.path('shop'), bytes)
    await lab.publish(source, '--module', 'shop')
    const published = Date.now()
    await Promise.all(first.map((node) => node.event(applied)))
    t.diagnostic(`5 MB: all three applied it ${Date.now() - published} ms after the publish had returned`)
    assert.deepEqual(await readFolder(lab.path('live', 'uno')), await readFolder(source))

    network.cut(1)
    const late = await start('tarde', 5)
    await late.event(applied)
    assert.deepEqual(await readFolder(lab.path('live', 'tarde')), await readFolder(source))

    // the publisher has never met the latecomer; it hears of it from any of the others
    await late.event(({ event }) => event === 'reported', late.events.findIndex(applied))
    await late.stop()
    network.join(1)
    await publisher.event(({ event, name }) => event === 'report' && name === 'tarde')
    const { branches } = await json<Fleet>(['publisher', 'fleet', '--home', lab.home('publisher')])
    for (const name of names) {
      assert.equal(branches.find((branch) => branch.name === name)?.modules.shop, '1.0.0', name)
    }
  })
})
