// A real `node run` with eight peers, all real daemons, after 40 MB came in and went out to each of seven neighbours: what it
// holds and what it costs when nothing happens any more. Linux only (/proc).
import { randomBytes } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { mkdir, mkdtemp } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { addressOf, Lab, shopConfig, writeTree } from '../../test/e2e/support.ts'

const NEIGHBOURS = 7
const PACK = 40_000_000 // bytes

export interface AtRest {
  /** peers of the node while it was measured */
  peers: number
  /** MB */
  rss: number
  peak: number
  /** per cent of one core */
  cpu: number
}

/** @param seconds over which the processor is measured */
export async function daemonAtRest(seconds: number): Promise<AtRest> {
  const lab = new Lab(await mkdtemp(join(tmpdir(), 'chasqui-rest-')))
  try {
    await lab.init()
    await mkdir(lab.path('live'))
    const tree = await writeTree(lab.path('big'), { 'a.bin': randomBytes(PACK) })
    await lab.publish(tree, '--module', 'shop', '--version', '1.0.0')
    const offline = ['--no-internet', '--no-lan']
    const publisher = await lab.daemon('publisher', 'publisher', '--listen', '127.0.0.1:0', ...offline)
    const add = async (name: string, peer: string) => {
      await lab.branch(name, shopConfig(lab.path('live', name)))
      const daemon = await lab.daemon('node', name, '--peer', peer, '--listen', '127.0.0.1:0', ...offline)
      await daemon.event(({ event }) => event === 'applied')
      return daemon
    }
    const node = await add('node', await addressOf(publisher))
    const address = await addressOf(node)
    for (let n = 0; n < NEIGHBOURS; n++) await add(`neighbour${n}`, address)
    await wait(15_000)
    const count = (name: string) => node.events.filter(({ event }) => event === name).length
    const before = cpuTicks(node.pid)
    await wait(seconds * 1000)
    const cpu = cpuTicks(node.pid) - before
    return {
      peers: count('peer') - count('peer-gone'),
      rss: memory(node.pid, 'VmRSS'),
      peak: memory(node.pid, 'VmHWM'),
      // a tick is a hundredth of a second: per cent of one processor
      cpu: cpu / seconds
    }
  } finally {
    await lab.close()
  }
}

const wait = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms))

/** MB */
function memory(pid: number, field: 'VmRSS' | 'VmHWM'): number {
  const found = new RegExp(`${field}:\\s+(\\d+)`).exec(readFileSync(`/proc/${pid}/status`, 'utf8'))
  return (Number(found?.[1]) * 1024) / 1_000_000
}

/** Hundredths of a second of a processor. */
function cpuTicks(pid: number): number {
  const fields = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ')[1]?.split(' ') ?? []
  return Number(fields[11]) + Number(fields[12])
}
