// A real publisher and a real branch on loopback with a cap in one of their chasqui.toml: the rate that holds, by the bytes
// on the socket and by what the branch itself says, and how many bytes of bulk pass before a small message is there. For
// the test, the soak and the bench.
import { randomBytes } from 'node:crypto'
import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { Transfer } from '../../node/transfers.ts'
import { callDaemon } from '../../src/control/client.ts'
import { homePaths } from '../../src/system/home.ts'
import { cutLine } from '../net/cut-line.ts'
import { addressOf, type DaemonEvent, type Lab, writeTree } from './support.ts'

export const CAP = 250_000 // bytes a second: 2 Mbit/s

export interface CappedLine {
  /** bytes a second ÷ the cap: on the socket, in the branch's events, in its status */
  socket: number
  events: number
  status: number
  /** bytes of bulk between a report of the branch and the publisher's word of it, in order */
  reports: number[]
  /** bytes of bulk between a publish and its place in the branch's status, in order */
  news: number[]
  /** bytes of bulk, and ms, between a question to the branch's control socket and the answer, in order */
  answers: number[]
  answerMs: number[]
}

interface Status {
  feed: { version: number }
  transfers: Transfer[]
}

const nodeConfig = (path: string, address: string, cap: string) => `[node]
report-every = "1 s"
[links]
lan = false
peers = [{ address = "${address}", class = "internet" }]
[links.internet]
enabled = false
${cap}
[sticks]
watch = false
[apps.shop]
profile = "generic"
modules = ["shop"]
path = '${path}'
`

/** @param side who has the cap: the branch for what it fetches, or the publisher for what it serves */
export async function overCappedLine(lab: Lab, side: 'down' | 'up', seconds: number): Promise<CappedLine> {
  await lab.init()
  await mkdir(lab.path('live'))
  const isDown = side === 'down'
  // the publisher sees the branch come from loopback, which is the LAN to it
  const toml = `[links]\ninternet = false\n[links.lan]\n${isDown ? '' : 'up = "2 Mbit/s"'}\n`
  await writeFile(join(lab.home('publisher'), 'chasqui.toml'), toml)
  const publisher = await lab.daemon('publisher', 'publisher', '--listen', '127.0.0.1:0', '--no-lan')
  const line = await cutLine({ to: Number((await addressOf(publisher)).split(':')[1]) })
  try {
    const cap = isDown ? 'down = "2 Mbit/s"' : ''
    await lab.branch('norte', nodeConfig(lab.path('live', 'shop'), `127.0.0.1:${line.port}`, cap))
    const tree = await writeTree(lab.path('big'), { 'a.bin': randomBytes(CAP * (seconds + 20)) })
    await lab.publish(tree, '--module', 'shop', '--version', '1.0.0')
    const node = await lab.daemon('node', 'norte')
    const control = homePaths(lab.home('norte')).control
    const status = () =>
      callDaemon(
        control,
        'status',
        {},
        { emit: () => undefined, signal: AbortSignal.timeout(60_000) }
      ) as Promise<Status>
    const isDone = ({ event, done }: DaemonEvent) => event === 'fetching' && Number(done) > CAP
    await node.event(isDone)

    const result: CappedLine = {
      socket: 0,
      events: 0,
      status: 0,
      reports: [],
      news: [],
      answers: [],
      answerMs: []
    }
    let isOver = false
    const mark = async () => {
      const from = node.events.length
      const { done } = await node.event(({ event }) => event === 'fetching', from)
      return { at: performance.now(), carried: line.carried, done: Number(done) }
    }
    const shown = async () => {
      const { transfers } = await status()
      return { at: performance.now(), done: transfers[0]?.done ?? 0 }
    }
    const watchReports = async () => {
      while (!isOver) {
        await node.event(({ event }) => event === 'reported', node.events.length)
        const [before, known] = [line.carried, publisher.events.length]
        await publisher.event(({ event, name }) => event === 'report' && name === 'norte', known)
        if (!isOver) result.reports.push(line.carried - before)
      }
    }
    const ask = async () => {
      while (!isOver) {
        const [before, at] = [line.carried, performance.now()]
        await status()
        result.answers.push(line.carried - before)
        result.answerMs.push(performance.now() - at)
        await new Promise((resolve) => setTimeout(resolve, 500))
      }
    }
    const publishSmall = async () => {
      for (let n = 0; n < 2 && !isOver; n++) {
        const small = await writeTree(lab.path('small'), { 'version.txt': `${n}\n` })
        const { version } = (await status()).feed
        await lab.publish(small, '--module', 'other', '--version', `1.${n}.0`)
        const before = line.carried
        while ((await status()).feed.version === version)
          await new Promise((resolve) => setTimeout(resolve, 20))
        result.news.push(line.carried - before)
      }
    }
    const first = await mark()
    const firstShown = await shown()
    const small = Promise.all([watchReports(), ask(), publishSmall()])
    await Promise.race([small, new Promise((resolve) => setTimeout(resolve, seconds * 1000))])
    const last = await mark()
    const lastShown = await shown()
    isOver = true
    const share = (bytes: number, ms: number) => bytes / (ms / 1000) / CAP
    result.socket = share(last.carried - first.carried, last.at - first.at)
    result.events = share(last.done - first.done, last.at - first.at)
    result.status = share(lastShown.done - firstShown.done, lastShown.at - firstShown.at)
    await small
    for (const list of [result.reports, result.news, result.answers, result.answerMs])
      list.sort((a, b) => a - b)
    return result
  } finally {
    await line.close()
  }
}

export function median(sorted: readonly number[]): number {
  return sorted[sorted.length >> 1] ?? Number.POSITIVE_INFINITY
}
