// The same pair through the whole program: a real publisher and a real branch on loopback, with a relay between them that
// counts every byte on the socket.
import { mkdir, mkdtemp, readFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { addressOf, type Daemon, json, Lab, shopConfig } from '../../test/e2e/support.ts'
import type { Corpus } from './corpora.ts'
import { countingRelay } from './counting-relay.ts'

export interface WholeWay {
  /** milliseconds of the publish command for v2 */
  publish: number
  /** bytes on the socket, both ways, for the first release and for the update */
  cold: number
  update: number
  /** bytes of the update's packs */
  pack: number
  /** milliseconds from the end of the publish to the committed transaction */
  apply: number
  /** bytes of memory of the branch's process at its peak */
  rss: number
}

interface Published {
  packs: { kind: string; bytes: number }[]
  ms: number
}

async function peakMemory(daemon: Daemon): Promise<number> {
  const status = await readFile(`/proc/${daemon.pid}/status`, 'utf8').catch(() => '')
  return Number(/VmHWM:\s+(\d+) kB/.exec(status)?.[1] ?? 0) * 1024
}

const committed = (version: string) => (event: { event: string; [field: string]: unknown }) =>
  event.event === 'applied' && JSON.stringify(event.releases).includes(`"to":"${version}"`)

/** Publishes and applies both versions of a pair. */
export async function wholeWay({ before, after }: Corpus): Promise<WholeWay> {
  const lab = new Lab(await mkdtemp(join(tmpdir(), 'chasqui-whole-way-')))
  try {
    await lab.init()
    await lab.publish(before, '--module', 'shop', '--version', '1.0.0')
    await mkdir(lab.path('live'))
    const home = await lab.branch('norte', shopConfig(lab.path('live', 'shop')))
    const offline = ['--no-internet', '--no-lan']
    const publisher = await lab.daemon('publisher', 'publisher', '--listen', '127.0.0.1:0', ...offline)
    const relay = await countingRelay(await addressOf(publisher))
    const node = await lab.daemon('node', 'norte', '--peer', relay.address)
    await node.event(committed('1.0.0'))
    const cold = relay.bytes()
    const published = await lab.publish<Published>(after, '--module', 'shop', '--version', '1.1.0')
    const publishedAt = performance.now()
    await node.event(committed('1.1.0'))
    const apply = performance.now() - publishedAt
    await publisher.event((event) => event.event === 'report' && JSON.stringify(event).includes('@1.1.0"'))
    const update = relay.bytes() - cold
    const result = {
      publish: published.ms,
      cold,
      update,
      pack: published.packs.find(({ kind }) => kind === 'delta')?.bytes ?? 0,
      apply,
      rss: await peakMemory(node)
    }
    relay.close()
    await json(['node', 'validate', '--home', home])
    return result
  } finally {
    await lab.close()
  }
}
