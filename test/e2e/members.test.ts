// Who is out loses its links, with real processes: the news goes from neighbour to neighbour, also past a node that is busy;
// a clone goes when the first node's grant arrives; after a theft of the online key everybody comes back over the links.
import assert from 'node:assert/strict'
import { cp, mkdir, rm } from 'node:fs/promises'
import { describe, it, type TestContext } from 'node:test'
import { openPublisher } from '../../publisher/app.ts'
import { putRevoked } from '../../publisher/revoke.ts'
import { homePaths } from '../../src/system/home.ts'
import {
  addressOf,
  chasqui,
  type Daemon,
  type DaemonEvent,
  json,
  Lab,
  shopConfig,
  writeTree
} from './support.ts'

const LINKS = ['--listen', '127.0.0.1:0', '--no-internet', '--no-lan']

async function scene(t: TestContext, name: string, branches: string[]): Promise<Lab> {
  const lab = await Lab.create(t, name)
  await lab.init()
  await release(lab, '1.0.0')
  for (const branch of branches) {
    await mkdir(lab.path('live', branch), { recursive: true })
    await lab.branch(branch, shopConfig(lab.path('live', branch, 'shop')))
  }
  return lab
}

async function release(lab: Lab, version: string): Promise<void> {
  await lab.publish(await writeTree(lab.path('shop'), { 'version.txt': version }), '--module', 'shop')
}

const publisherOf = (lab: Lab) => lab.daemon('publisher', 'publisher', ...LINKS, '--no-sticks')
const applied = (version: string) => (event: DaemonEvent) =>
  event.event === 'applied' && JSON.stringify(event.releases).includes(`"to":"${version}"`)
const isPeer = (name: string) => (event: DaemonEvent) => event.event === 'peer' && event.name === name
const isGone = (name: string) => (event: DaemonEvent) => event.event === 'peer-gone' && event.name === name

/** Who a node is connected with now. */
async function peersOf(lab: Lab, name: string): Promise<string[]> {
  const { peers } = await json<{ peers: { name: string }[] }>(['node', 'peers', '--home', lab.home(name)])
  return peers.map((peer) => peer.name).sort()
}

async function start(lab: Lab, name: string, ...others: Daemon[]): Promise<Daemon> {
  const peers = await Promise.all(others.map(async (other) => ['--peer', await addressOf(other)]))
  return lab.daemon('node', name, ...LINKS, ...peers.flat())
}

describe('members over real links', () => {
  it('a revocation that one neighbour brings ends the links of the revoked one', async (t) => {
    const lab = await scene(t, 'hop', ['norte', 'sur', 'este'])
    const publisher = await publisherOf(lab)
    const norte = await start(lab, 'norte', publisher)
    const este = await start(lab, 'este', norte)
    const sur = await start(lab, 'sur', este)
    await Promise.all([norte, este, sur].map((node) => node.event(applied('1.0.0'))))
    assert.deepEqual(await peersOf(lab, 'este'), ['norte', 'sur'])
    await json(['publisher', 'revoke', 'sur', '--home', lab.home('publisher')])
    await este.event(isGone('sur'))
    assert.deepEqual(await peersOf(lab, 'este'), ['norte'])
    const seen = este.events.length
    await sur.stop()
    await start(lab, 'sur', este, norte)
    await release(lab, '2.0.0')
    await este.event(applied('2.0.0'))
    assert.deepEqual(await peersOf(lab, 'sur'), [])
    assert.equal(este.events.slice(seen).some(isPeer('sur')), false)
  })

  it('a node that is busy with an update for minutes drops the revoked one all the same', async (t) => {
    const lab = await scene(t, 'busy', ['norte', 'sur'])
    const publisher = await publisherOf(lab)
    const norte = await start(lab, 'norte', publisher)
    const sur = await start(lab, 'sur', norte)
    await Promise.all([norte, sur].map((node) => node.event(applied('1.0.0'))))
    await norte.stop()
    const hold = lab.path('hold')
    await writeTree(lab.home('norte'), {
      'chasqui.toml': `${shopConfig(lab.path('live', 'norte', 'shop'))}
[apps.shop.commands]
stop = ["/bin/sh", "-c", "while [ ! -e ${hold} ]; do sleep 0.1; done"]
start = ["/bin/true"]
`
    })
    await release(lab, '2.0.0')
    const busy = await start(lab, 'norte', publisher)
    await sur.stop()
    await start(lab, 'sur', busy)
    await busy.event(isPeer('sur'))
    await json(['publisher', 'revoke', 'sur', '--home', lab.home('publisher')])
    await busy.event(isGone('sur'))
    assert.equal(busy.events.some(applied('2.0.0')), false, 'it is still at it')
    await writeTree(lab.folder, { hold: '' })
    await busy.event(applied('2.0.0'))
  })

  it('a clone loses its links when the grant of the first node arrives, and gets nothing afterwards', async (t) => {
    const lab = await scene(t, 'clone', ['norte', 'sur'])
    const { invite } = await json<{ invite: string }>([
      'publisher',
      'invite',
      'este',
      '--home',
      lab.home('publisher')
    ])
    for (const name of ['first', 'second']) {
      await json(['node', 'join', invite, '--home', lab.home(name)])
      await writeTree(lab.home(name), { 'chasqui.toml': shopConfig(lab.path('live', name, 'shop')) })
      await mkdir(lab.path('live', name), { recursive: true })
    }
    const stick = lab.path('STICK')
    await mkdir(stick)
    const usb = (what: string, whose: string) => json(['usb-sync', what, stick, '--home', lab.home(whose)])
    // norte serves both, far from the publisher
    await usb('sync', 'publisher')
    await usb('sync', 'norte')
    const norte = await start(lab, 'norte')
    const second = await start(lab, 'second', norte)
    await second.event(applied('1.0.0'))
    await usb('sync', 'first')
    await rm(lab.path('COPY'), { recursive: true, force: true })
    await cp(stick, lab.path('COPY'), { recursive: true })
    await usb('sync', 'publisher')
    await release(lab, '2.0.0')
    await usb('sync', 'publisher')
    await usb('import', 'norte')
    await norte.event(isGone('este'))
    assert.deepEqual(await peersOf(lab, 'second'), [])
    const refused = await chasqui(['usb-sync', 'import', stick, '--home', lab.home('second'), '--json'])
    assert.equal(refused.status, 3, refused.stdout)
    assert.match(refused.stdout, /MEMBER_CLONED/)
    await usb('import', 'first')
    await json(['node', 'apply', '--home', lab.home('first')])
  })

  it('after mass revocation by a stolen online key the branches come back over the links', async (t) => {
    const lab = await scene(t, 'mass', ['norte', 'sur'])
    const publisher = await publisherOf(lab)
    const norte = await start(lab, 'norte', publisher)
    const sur = await start(lab, 'sur', publisher)
    await Promise.all([norte, sur].map((node) => node.event(applied('1.0.0'))))
    await publisher.stop()
    const thief = await openPublisher(homePaths(lab.home('publisher')))
    await thief.records.open()
    const members = thief.records.set.list('report').map(({ member }) => member)
    const own = thief.fleet.verifyMembership(thief.member.membership, null)
    const at = { at: '2026-01-01T00:00:00Z' }
    await putRevoked(thief, {
      schema: 1,
      invites: Object.fromEntries([...members, own].map(({ invite }) => [invite, at])),
      nodes: Object.fromEntries([...members, own].map(({ node }) => [node, at]))
    })
    await thief.close()
    const home = ['--home', lab.home('publisher')]
    // norte has heard of it (by a stick, say) and takes everybody but the publisher for revoked
    const stick = lab.path('STICK')
    await mkdir(stick)
    await json(['usb-sync', 'export', stick, ...home])
    await norte.stop()
    const refused = await chasqui(['usb-sync', 'import', stick, '--home', lab.home('norte'), '--json'])
    assert.deepEqual([refused.status, /MEMBER_REVOKED/.test(refused.stdout)], [3, true], refused.stdout)
    await json(['publisher', 'readmit', 'norte', 'sur', ...home])
    await json(['publisher', 'keys', 'rotate', 'online', ...home])
    await release(lab, '2.0.0')
    const again = await publisherOf(lab)
    const back = await start(lab, 'norte', again)
    await back.event(applied('2.0.0'))
    const other = await addressOf(again)
    await sur.stop()
    await (await lab.daemon('node', 'sur', ...LINKS, '--peer', other)).event(applied('2.0.0'))
  })
})
