// A branch is thrown out and the fleet goes on in another feed, with real processes: who is online moves by itself, who only
// sees sticks moves by stick, and who was revoked can read nothing of what comes afterwards.
import assert from 'node:assert/strict'
import { existsSync } from 'node:fs'
import { cp, mkdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, it } from 'node:test'
import {
  addressOf,
  chasqui,
  type DaemonEvent,
  json,
  Lab,
  readFolder,
  shopConfig,
  writeTree
} from './support.ts'

interface Rekeyed {
  nodes: string[]
  rekey: { former: string; feed: string; generation: number; granted: number }
}

const lines = (n: number) => Array.from({ length: n }, (_, i) => `line ${i}`).join('\n')
const tree = (version: string) => ({
  'version.txt': `${version}\n`,
  'app.js': `${lines(2000)}\n// ${version}`
})

const applied = (version: string) => (event: DaemonEvent) =>
  event.event === 'applied' &&
  event.result === 'committed' &&
  JSON.stringify(event.releases).includes(`"to":"${version}"`)

const isReportOf = (name: string, version: string) => (event: DaemonEvent) =>
  event.event === 'report' && event.name === name && JSON.stringify(event.apps).includes(`@${version}"`)

async function accessOf(lab: Lab, name: string): Promise<{ generation: number; feedKey: string }> {
  return JSON.parse(await readFile(join(lab.home(name), 'keys', 'fleet.json'), 'utf8'))
}

describe('revoke --rekey', () => {
  it('moves the branch online by itself and the others by stick; the revoked one stays behind', async (t) => {
    const lab = await Lab.create(t, 'rekey')
    await lab.init()
    const source = await writeTree(lab.path('shop'), tree('1.0.0'))
    await lab.publish(source, '--module', 'shop')
    const live = (name: string) => lab.path('live', name, 'shop')
    for (const name of ['norte', 'sur', 'isla', 'este']) {
      await mkdir(lab.path('live', name), { recursive: true })
      await lab.branch(name, shopConfig(live(name)))
    }
    const usb = (what: string, whose: string, stick: string) =>
      json(['usb-sync', what, stick, '--home', lab.home(whose)])
    const stick = lab.path('STICK')
    await mkdir(stick)

    // isla has never seen a network
    await usb('sync', 'publisher', stick)
    await usb('import', 'isla', stick)
    await json(['node', 'apply', '--home', lab.home('isla')])
    await usb('sync', 'isla', stick)
    await usb('sync', 'publisher', stick)

    const flags = ['--listen', '127.0.0.1:0', '--no-internet', '--no-lan', '--no-sticks']
    const publisher = await lab.daemon('publisher', 'publisher', ...flags)
    const address = await addressOf(publisher)
    const [norte, sur] = await Promise.all([
      lab.daemon('node', 'norte', '--peer', address, '--listen', '127.0.0.1:0'),
      lab.daemon('node', 'sur', '--peer', address)
    ])
    await Promise.all([norte.event(applied('1.0.0')), sur.event(applied('1.0.0'))])
    await Promise.all([
      publisher.event(isReportOf('norte', '1.0.0')),
      publisher.event(isReportOf('sur', '1.0.0'))
    ])

    const home = ['--home', lab.home('publisher')]
    const { rekey } = await json<Rekeyed>(['publisher', 'revoke', 'sur', '--rekey', ...home])
    assert.equal(rekey.generation, 2)
    assert.equal(rekey.granted, 2)
    await norte.event((event) => event.event === 'feed' && event.feed === rekey.feed)

    await writeTree(source, tree('1.1.0'))
    await lab.publish(source, '--module', 'shop')
    await norte.event(applied('1.1.0'))
    assert.deepEqual(await readFolder(live('norte')), await readFolder(source))
    await publisher.event(isReportOf('norte', '1.1.0'))

    // este was invited to the former feed, and comes only now: a neighbour brings its report home and its key back
    const stranger = await lab.daemon('node', 'este', '--peer', await addressOf(norte))
    await stranger.event((event) => event.event === 'feed' && event.feed === rekey.feed)
    await stranger.stop()
    const este = await lab.daemon('node', 'este', '--peer', address)
    await este.event(applied('1.1.0'))
    await este.stop()

    // by stick: roots and the sealed key lie beside the new feed
    await usb('export', 'publisher', stick)
    const forSur = lab.path('COPY')
    await cp(stick, forSur, { recursive: true })
    await usb('import', 'isla', stick)
    await json(['node', 'apply', '--home', lab.home('isla')])
    assert.deepEqual(await readFolder(live('isla')), await readFolder(source))
    const isla = await accessOf(lab, 'isla')
    assert.deepEqual([isla.generation, isla.feedKey], [2, rekey.feed])

    // the revoked one had the same roots and the same stick in its hands
    await sur.stop()
    await chasqui(['usb-sync', 'import', forSur, '--home', lab.home('sur'), '--json'])
    await chasqui(['node', 'apply', '--home', lab.home('sur'), '--json'])
    const left = await accessOf(lab, 'sur')
    assert.deepEqual([left.generation, left.feedKey], [1, rekey.former])
    assert.equal(await readFile(join(live('sur'), 'version.txt'), 'utf8'), '1.0.0\n')

    // everybody goes on after a restart
    await norte.stop()
    await publisher.stop()
    assert.equal(existsSync(join(lab.home('publisher'), 'keys', 'retired')), true)
    await writeTree(source, tree('1.2.0'))
    await lab.publish(source, '--module', 'shop')
    await usb('export', 'publisher', stick)
    await usb('import', 'norte', stick)
    await json(['node', 'apply', '--home', lab.home('norte')])
    assert.deepEqual(await readFolder(live('norte')), await readFolder(source))
  })
})
