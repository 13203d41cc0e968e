// Memory of a branch while a 100 MB executable is installed and updated: the most that the daemon ever held, as the
// kernel counts it (VmHWM). Linux only: elsewhere nothing counts in the same way.
import assert from 'node:assert/strict'
import { mkdir, readFile, writeFile } from 'node:fs/promises'
import { describe, it } from 'node:test'
import { addressOf, type Daemon, Lab, readFolder, shopConfig } from './support.ts'

const LIMIT = 300 * 1024 // KiB
const skip = process.platform === 'linux' ? false : 'needs /proc to read the peak of a process'

async function peakOf(daemon: Daemon): Promise<number> {
  const status = await readFile(`/proc/${daemon.pid}/status`, 'utf8')
  return Number(/VmHWM:\s+(\d+) kB/.exec(status)?.[1])
}

/** The same program after a change: some bytes everywhere, and a part that is new and moves the rest. */
function changed(program: Buffer): Buffer {
  const next = Buffer.from(program)
  for (let i = 10_000; i < next.length; i += 50_000) next[i] = (next[i] as number) ^ 0x55
  const middle = next.length >> 1
  const added = Buffer.alloc(300_000, 'new part of the program ')
  return Buffer.concat([next.subarray(0, middle), added, next.subarray(middle)])
}

describe('a branch', { skip }, () => {
  it('never holds more than 300 MB while it installs and updates a 100 MB executable', async (t) => {
    const lab = await Lab.create(t, 'memory')
    await lab.init()
    const source = lab.path('shop')
    await mkdir(source)
    await mkdir(lab.path('live'))
    const program = await readFile(process.execPath)
    await writeFile(`${source}/program`, program)
    await lab.publish(source, '--module', 'shop', '--version', '1.0.0')
    await lab.branch('norte', shopConfig(lab.path('live', 'shop')))
    const publisher = await lab.daemon(
      'publisher',
      'publisher',
      '--listen',
      '127.0.0.1:0',
      '--no-internet',
      '--no-lan'
    )
    const node = await lab.daemon('node', 'norte', '--peer', await addressOf(publisher))
    await node.event((one) => one.event === 'applied')
    const first = await peakOf(node)
    await writeFile(`${source}/program`, changed(program))
    await lab.publish(source, '--module', 'shop', '--version', '1.1.0')
    await node.event((one) => one.event === 'applied' && JSON.stringify(one).includes('1.1.0'))
    const second = await peakOf(node)
    t.diagnostic(
      `${program.length} bytes; peak ${first} KiB after the installation, ${second} KiB after the update`
    )
    assert.deepEqual(await readFolder(lab.path('live', 'shop')), await readFolder(source))
    assert.ok(second < LIMIT, `${second} KiB`)
  })
})
