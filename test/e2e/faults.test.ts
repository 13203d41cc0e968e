// Power cuts and forged bytes against real processes: kill -9 of the daemon in the middle of applies and of replication, a
// changed byte on every kind of link. The app's folder is always old or new.
import assert from 'node:assert/strict'
import { mkdir, readdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, it, type TestContext } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { relayTo } from './relay.ts'
import { addressOf, chasqui, Lab, readFolder, shopConfig, writeTree } from './support.ts'

const files = (version: string, count: number) => ({
  ...Object.fromEntries(
    Array.from({ length: count }, (_, i) => [`f${i}.txt`, `${i} of ${version}\n`.repeat(200)])
  ),
  'version.txt': `${version}\n`
})

/** Bytes that do not get smaller. */
function noise(length: number, seed: number): Buffer {
  const bytes = Buffer.alloc(length)
  let state = seed
  for (let i = 0; i < length; i++) {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0
    bytes[i] = state >>> 24
  }
  return bytes
}

async function shop(t: TestContext, name: string, config = '') {
  const lab = await Lab.create(t, name)
  await lab.init()
  await mkdir(lab.path('live'))
  const app = lab.path('live', 'shop')
  const home = await lab.branch('norte', shopConfig(app, config))
  const publisher = await lab.daemon(
    'publisher',
    'publisher',
    '--listen',
    '127.0.0.1:0',
    '--no-internet',
    '--no-lan'
  )
  return { lab, app, home, publisher, address: await addressOf(publisher) }
}

describe('kill -9', () => {
  it('in the middle of an apply leaves the old or the new tree, and the next start ends it', async (t) => {
    const { lab, app, address } = await shop(t, 'kill')
    const source = lab.path('shop')
    const trees: Record<string, string>[] = []
    let before: Record<string, string> = {}
    for (const [round, delay] of [0, 15, 40, 100].entries()) {
      await writeTree(source, files(`1.${round}.0`, 30))
      await lab.publish(source, '--module', 'shop')
      trees.push(await readFolder(source))
      const node = await lab.daemon('node', 'norte', '--peer', address)
      await node.event((one) => one.event === 'step' && JSON.stringify(one).includes('"begins"'))
      await sleep(delay)
      await node.kill()
      // the next start, with nobody to ask, ends it: what was installed before, or the new tree
      await (await lab.daemon('node', 'norte')).stop()
      const left = await readFolder(app).catch(() => ({}))
      const isEither = [before, trees.at(-1)].some((tree) => JSON.stringify(tree) === JSON.stringify(left))
      assert.ok(isEither, `a third state after ${delay} ms: ${Object.keys(left)}`)
      before = left
    }
    const node = await lab.daemon('node', 'norte', '--peer', address)
    const last = trees.at(-1) as Record<string, string>
    const isDone = async () =>
      JSON.stringify(await readFolder(app).catch(() => ({}))) === JSON.stringify(last)
    while (!(await isDone())) await sleep(200)
    await node.stop()
    const work = (await readdir(lab.path('live'))).filter((one) => one !== 'shop')
    for (const folder of work) {
      const left = await readdir(lab.path('live', folder))
      assert.deepEqual(
        left.filter((one) => one.startsWith('t-')),
        [],
        'no staging is left'
      )
    }
  })

  it('in the middle of replication loses nothing that had come in', async (t) => {
    const { lab, app, address } = await shop(t, 'cut')
    const source = await writeTree(lab.path('shop'), {
      'version.txt': '1.0.0\n',
      'big.bin': noise(6_000_000, 1)
    })
    await lab.publish(source, '--module', 'shop')
    const relay = await slowRelay(t, address, 4_000_000)
    const node = await lab.daemon('node', 'norte', '--peer', relay.address)
    await node.event((one) => one.event === 'fetching' && Number(one.done) > 1_000_000)
    await node.kill()
    const again = await lab.daemon('node', 'norte', '--peer', relay.address)
    await again.event((one) => one.event === 'applied')
    assert.deepEqual(await readFolder(app), await readFolder(source))
    const more = relay.bytes - 6_000_000
    assert.ok(more < 2_000_000, `${more} bytes more than the pack came over the link`)
  })
})

/** Passes bytes on, at most so many a second; counts what comes from the target. */
async function slowRelay(t: TestContext, target: string, rate: number) {
  return relayTo(t, target, async (chunk) => {
    await sleep((chunk.length / rate) * 1000)
    return chunk
  })
}

describe('a changed byte', () => {
  it('on a link ends the connection, and the next one brings the release', async (t) => {
    const { lab, app, address } = await shop(t, 'flip')
    const source = await writeTree(lab.path('shop'), {
      'version.txt': '1.0.0\n',
      'big.bin': noise(3_000_000, 2)
    })
    await lab.publish(source, '--module', 'shop')
    let flips = 0
    const relay = await relayTo(t, address, async (chunk, seen) => {
      if (flips >= 3 || seen < 100_000 * (flips + 1)) return chunk
      flips++
      const changed = Buffer.from(chunk)
      changed[chunk.length >> 1] = (changed[chunk.length >> 1] as number) ^ 1
      return changed
    })
    const node = await lab.daemon('node', 'norte', '--peer', relay.address)
    await node.event((one) => one.event === 'applied')
    assert.equal(flips, 3)
    assert.deepEqual(await readFolder(app), await readFolder(source))
    assert.ok(node.events.some((one) => one.event === 'peer-gone'))
  })

  it('on a stick is refused with a code, and nothing of the app is touched', async (t) => {
    const { lab, home } = await shop(t, 'stick')
    const source = await writeTree(lab.path('shop'), files('1.0.0', 3))
    await lab.publish(source, '--module', 'shop')
    const stick = lab.path('stick')
    await mkdir(stick)
    const usb = (what: string, whose: string) =>
      chasqui(['usb-sync', what, stick, '--home', lab.home(whose), '--json'])
    await usb('export', 'publisher')
    const segments = (await readdir(stick, { recursive: true })).filter((one) => one.endsWith('.seg'))
    assert.ok(segments.length > 0)
    for (const segment of segments) {
      const path = join(stick, segment)
      const bytes = await readFile(path)
      bytes[bytes.length - 4_000] = (bytes[bytes.length - 4_000] as number) ^ 1
      await writeFile(path, bytes)
    }
    const imported = await usb('import', 'norte')
    assert.notEqual(imported.status, 0, imported.stdout)
    // what came before the release is whole, and says nothing of it
    const applied = await chasqui(['node', 'apply', '--home', home, '--json'])
    assert.equal((JSON.parse(applied.stdout) as { result: string }).result, 'nothing-to-do')
    assert.deepEqual(await readdir(lab.path('live')), [])
  })
})
