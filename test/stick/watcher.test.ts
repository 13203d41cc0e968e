// Plug and wait: what the watcher does with sticks that appear, and with drives that are not sticks.
import assert from 'node:assert/strict'
import { mkdir, readdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import type { ControlEvent } from '../../src/control/commands.ts'
import { drivePlaces, mountSource } from '../../src/stick/mounts.ts'
import type { WatchedStick } from '../../src/stick/watched-stick.ts'
import { type StickWatcher, watchSticks } from '../../src/stick/watcher.ts'
import { silentLog } from '../../src/system/log.ts'
import { realFileSystem } from '../../src/system/real-file-system.ts'
import { exportAll, holdsReleases, publish, tools } from './scene.ts'
import { openTestHome, type TestHome, temporaryFolder } from './support.ts'

interface Watched {
  watcher: StickWatcher
  events: ControlEvent[]
  /** places that are mounted now */
  places: string[]
}

function watch(t: TestContext, home: TestHome, places: string[]): Watched {
  const events: ControlEvent[] = []
  const mounts = { list: async () => [...places] }
  const emit = (event: ControlEvent) => events.push(event)
  const watcher = watchSticks({ home, mounts, tools, log: silentLog, emit, interval: 3_600_000 })
  t.after(() => watcher.stop())
  return { watcher, events, places }
}

const told = ({ events }: Watched) => events.map(({ what }) => what).filter((what) => what !== 'progress')

test('does the whole round with a stick of this fleet, says when it may be removed, and rests', async (t) => {
  const publisher = await openTestHome(t, { seed: 1 })
  await publish(publisher, 1)
  const stick = await temporaryFolder(t)
  await exportAll(publisher, stick)
  const branch: TestHome = {
    ...(await openTestHome(t, { key: publisher.feed.db.key, node: '0b'.repeat(32) })),
    language: 'es',
    installed: async () => [{ app: 'tienda', module: 'pos_base', version: '1.0' }],
    settle: async () => {
      during = watched.watcher.sticks()
      return ['pos_base: check <http> failed']
    }
  }
  let during: WatchedStick[] = []
  const watched = watch(t, branch, [])
  watched.places.push(stick)
  await watched.watcher.look()
  assert.ok(await holdsReleases(branch, 1))
  assert.deepEqual(told(watched), ['plugged', 'stick-plan', 'done'])
  assert.equal(watched.events.at(-1)?.safeToRemove, true)
  const [working] = during
  assert.deepEqual([working?.state, working?.safeToRemove], ['working', false])
  assert.equal(working?.progress?.step, 'import')
  assert.ok((working?.progress?.bytes ?? 0) > 0)
  const [done] = watched.watcher.sticks()
  assert.deepEqual([done?.state, done?.progress, done?.safeToRemove], ['done', null, true])
  const page = await readFile(join(stick, 'chasqui', 'STATUS.html'), 'utf8')
  assert.match(page, /<html lang="es">/)
  assert.match(page, /tienda: pos_base 1\.0/)
  assert.match(page, /check &#60;http&#62; failed/)
  await watched.watcher.look()
  assert.equal(told(watched).length, 3)
  watched.places.length = 0
  await watched.watcher.look()
  assert.equal(told(watched).at(-1), 'removed')
})

test('leaves drives alone that are not sticks, or are of another fleet', async (t) => {
  const branch = await openTestHome(t, { key: (await openTestHome(t, { seed: 1 })).feed.db.key })
  const other = await openTestHome(t, { seed: 2, fleet: 'f2'.repeat(32) })
  await publish(other, 1)
  const foreign = await temporaryFolder(t)
  await exportAll(other, foreign)
  const photos = await temporaryFolder(t)
  await writeFile(join(photos, 'holiday.jpg'), 'x')
  const odd = await temporaryFolder(t)
  await mkdir(join(odd, 'chasqui', 'mine'), { recursive: true })
  const before = await Promise.all([foreign, photos, odd].map((place) => readdir(place, { recursive: true })))
  const watched = watch(t, branch, [foreign, photos, odd])
  await watched.watcher.look()
  const after = await Promise.all([foreign, photos, odd].map((place) => readdir(place, { recursive: true })))
  assert.deepEqual(after, before)
  assert.deepEqual(told(watched), [])
  assert.deepEqual(watched.watcher.sticks(), [])
})

test('says what failed and goes on watching', async (t) => {
  const publisher = await openTestHome(t, { seed: 1 })
  await publish(publisher, 1)
  const stick = await temporaryFolder(t)
  await exportAll(publisher, stick)
  const feed = Buffer.from(publisher.feed.db.key).toString('hex')
  await writeFile(join(stick, 'chasqui', 'feeds', feed, '0001.seg'), 'short')
  const branch = await openTestHome(t, { key: publisher.feed.db.key })
  const watched = watch(t, branch, [stick])
  await watched.watcher.look()
  assert.equal(watched.events.at(-1)?.code, 'STICK_DAMAGED')
  assert.equal(watched.watcher.sticks()[0]?.state, 'failed')
})

test('reads mount points with spaces and dashes', () => {
  const text = '/dev/sdb1 /media/ana/MY\\040STICK\\040-\\0401 vfat rw 0 0\nproc /proc proc rw 0 0\n'
  assert.deepEqual(drivePlaces(text), ['/media/ana/MY STICK - 1'])
})

const mounted: [type: string, isDrive: boolean][] = [
  ['vfat', true],
  ['exfat', true],
  ['ext4', true],
  ['fuseblk', true],
  ['fuse.exfat', true],
  ['fuse.fusefat', true],
  ['nfs', false],
  ['nfs4', false],
  ['cifs', false],
  ['smb3', false],
  ['fuse.sshfs', false],
  ['fuse.rclone', false],
  ['autofs', false],
  ['tmpfs', false]
]

test('mounts of the network and of the system are no drives; what is mounted over them may be one', () => {
  for (const [type, isDrive] of mounted) {
    assert.equal(drivePlaces(`x /mnt/a ${type} rw 0 0\n`).length, isDrive ? 1 : 0, type)
  }
  assert.deepEqual(drivePlaces('systemd-1 /mnt/a autofs rw 0 0\n/dev/sdb1 /mnt/a vfat rw 0 0\n'), ['/mnt/a'])
})

test('a mount that does not answer holds up no other stick, nor the end of the daemon', async (t) => {
  const publisher = await openTestHome(t, { seed: 1 })
  await publish(publisher, 1)
  const stick = await temporaryFolder(t)
  await exportAll(publisher, stick)
  const silent = new Promise<never>(() => undefined)
  let asked = 0
  const stat = (path: string) => {
    if (!path.startsWith('/mnt/nas')) return tools.fs.stat(path)
    asked++
    return silent
  }
  const warned: unknown[] = []
  const log = { ...silentLog, warn: (fields: unknown) => warned.push(fields) }
  const mounts = { list: async () => ['/mnt/nas', stick] }
  const parts = {
    home: publisher,
    tools: { ...tools, fs: { ...tools.fs, stat } },
    log,
    emit: () => undefined
  }
  const watcher = watchSticks({ ...parts, mounts, interval: 3_600_000, patience: 2_000 })
  for (let i = 0; i < 3; i++) await watcher.look()
  assert.deepEqual(
    watcher.sticks().map(({ place, state }) => [place, state]),
    [[stick, 'done']]
  )
  assert.deepEqual([asked, warned], [1, [{ place: '/mnt/nas' }]])
  await watcher.stop()
  // one that has all the time of the world ends at once too
  const patient = watchSticks({ ...parts, mounts, interval: 3_600_000, patience: 3_600_000 })
  const looking = patient.look()
  await patient.stop()
  await looking
})

test('finds sticks below the configured folders', async (t) => {
  const root = await temporaryFolder(t)
  await mkdir(join(root, 'usb 1'))
  const found = await mountSource(realFileSystem, process.platform, [root]).list()
  assert.ok(found.includes(join(root, 'usb 1')))
  assert.ok(found.includes(root))
})
