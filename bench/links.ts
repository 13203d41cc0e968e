// `npm run bench:links`: what a line that dies every three seconds carries twice; how well a rate holds and whether small
// messages pass beside bulk, between members of the library and between real daemons; what `node run` with eight peers
// costs at rest after 40 MB of traffic. Loopback, real processes. Options: --seconds N (of each rate); the parts that are
// wanted (line, rate, down, up, rest), else all.
import { spawn } from 'node:child_process'
import { mkdtemp } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { CAP, median, overCappedLine } from '../test/e2e/capped-line.ts'
import { Lab } from '../test/e2e/support.ts'
import { overDyingLine } from '../test/net/dying-line.ts'
import { SwarmProcess } from '../test/net/swarm.ts'
import type { SwarmMember } from '../test/net/swarm-member.ts'
import { daemonAtRest } from './lib/at-rest.ts'
import { countingRelay } from './lib/counting-relay.ts'
import { atMost, within } from './lib/goal.ts'
import { THRIFT } from './lib/thrift.ts'

const { values, positionals } = parseArgs({
  options: { seconds: { type: 'string', default: '60' } },
  allowPositionals: true
})
const RATE = 250_000 // bytes a second: 2 Mbit/s
const wait = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms))

function member(options: Partial<SwarmMember> & { name: string; role: SwarmMember['role'] }): SwarmProcess {
  const run = (command: string, args: string[]) =>
    spawn(command, args, { stdio: ['pipe', 'pipe', 'inherit'], env: { ...process.env, ...THRIFT } })
  return new SwarmProcess(run, { peers: [], lan: false, listen: '127.0.0.1:0', ...options })
}

async function addressOf(process: SwarmProcess): Promise<string> {
  return `127.0.0.1:${(await process.until('ready')).port}`
}

async function rateAndReports(): Promise<void> {
  const seconds = Number(values.seconds)
  const publisher = member({ name: 'publisher', role: 'publisher', packBytes: RATE * (seconds + 30) })
  const relay = await countingRelay(await addressOf(publisher))
  const peers = [relay.address]
  const branch = member({ name: 'branch', role: 'branch', peers, down: RATE, limitLan: true })
  await branch.until('fetching')
  await wait(2000)
  const [before, startedAt] = [relay.bytes(), performance.now()]
  const late: number[] = []
  for (let second = 0; second < seconds; second++) {
    const said = Date.now()
    const known = publisher.events.length
    branch.report()
    await wait(1000)
    const heard = publisher.events
      .slice(known)
      .find(({ event, name }) => event === 'record' && name === 'branch')
    late.push((heard?.at ?? Number.POSITIVE_INFINITY) - said)
    publisher.report()
  }
  const came = branch.events.filter(({ event, name }) => event === 'record' && name === 'publisher').length
  const rate = (relay.bytes() - before) / ((performance.now() - startedAt) / 1000)
  late.sort((a, b) => a - b)
  console.log(
    `rate: asked ${RATE} bytes/s, got ${Math.round(rate)} (${((rate / RATE) * 100).toFixed(1)} %) over ${seconds} s, ${within(rate / RATE, 5)}`
  )
  console.log(
    `reports up: median ${late[seconds >> 1]} ms, slowest ${late.at(-1)} ms, ${atMost(late[seconds >> 1] ?? Number.POSITIVE_INFINITY, 500, ' ms')}; down: ${came} of ${seconds} came`
  )
  await Promise.all([branch.stop(), publisher.stop()])
  relay.close()
}

async function overACutLine(): Promise<void> {
  const { ratio, cuts } = await overDyingLine(30_000_000)
  console.log(
    `a line of 10 Mbit/s that dies every 3 s: carried ÷ pack ${ratio.toFixed(4)} over ${cuts} cuts, ${atMost(ratio, 1.03)}`
  )
}

async function throughDaemons(side: 'down' | 'up'): Promise<void> {
  const seconds = Number(values.seconds)
  const lab = new Lab(await mkdtemp(join(tmpdir(), 'chasqui-cap-')))
  try {
    const got = await overCappedLine(lab, side, seconds)
    const per = (share: number) => `${(share * 100).toFixed(1)} %`
    const late = (list: readonly number[]) =>
      `${((median(list) / CAP) * 1000).toFixed(0)} ms (of ${list.length})`
    console.log(
      `daemons, ${side} = "2 Mbit/s" in chasqui.toml, ${seconds} s: of the cap ${per(got.socket)} on the socket, ` +
        `${per(got.events)} by the events, ${per(got.status)} by status; ${within(got.socket, 5)}`
    )
    console.log(
      `  line's worth of bulk before a small message is there, median: reports ${late(got.reports)}, ` +
        `news ${late(got.news)}, status ${late(got.answers)}; ` +
        `status answered in ${median(got.answerMs).toFixed(0)} ms, slowest ${got.answerMs.at(-1)?.toFixed(0)} ms; ` +
        `${atMost(Math.max(median(got.reports), median(got.news)) / CAP, 0.5, ' s')}`
    )
  } finally {
    await lab.close()
  }
}

async function atRest(): Promise<void> {
  const { peers, rss, peak, cpu } = await daemonAtRest(30)
  console.log(
    `node run at rest with ${peers} peers after serving 7 × 40 MB: RSS ${rss.toFixed(0)} MB (peak ${peak.toFixed(0)} MB), ` +
      `${atMost(rss, 130, ' MB')}; CPU ${cpu.toFixed(2)} %, ${atMost(cpu, 0.5, ' %')}`
  )
}

const PARTS: Record<string, () => Promise<void>> = {
  line: overACutLine,
  rate: rateAndReports,
  down: () => throughDaemons('down'),
  up: () => throughDaemons('up'),
  rest: atRest
}
for (const [name, part] of Object.entries(PARTS)) {
  if (positionals.length === 0 || positionals.includes(name)) await part()
}
