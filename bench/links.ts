// `npm run bench:links`: what a line that dies every three seconds carries twice; how well a rate holds and whether small
// messages pass beside bulk; what a node with eight peers costs at rest after 40 MB of traffic. Loopback, real processes. Options: --seconds N (of the first part).
import { spawn } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { parseArgs } from 'node:util'
import { overDyingLine } from '../test/net/dying-line.ts'
import { SwarmProcess } from '../test/net/swarm.ts'
import type { SwarmMember } from '../test/net/swarm-member.ts'
import { countingRelay } from './lib/counting-relay.ts'
import { THRIFT } from './lib/thrift.ts'

const { values } = parseArgs({ options: { seconds: { type: 'string', default: '60' } } })
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
    `rate: asked ${RATE} bytes/s, got ${Math.round(rate)} (${((rate / RATE) * 100).toFixed(1)} %) over ${seconds} s`
  )
  console.log(
    `reports up: median ${late[seconds >> 1]} ms, slowest ${late.at(-1)} ms; down: ${came} of ${seconds} came`
  )
  await Promise.all([branch.stop(), publisher.stop()])
  relay.close()
}

async function overACutLine(): Promise<void> {
  const { ratio, cuts } = await overDyingLine(30_000_000)
  console.log(
    `a line of 10 Mbit/s that dies every 3 s: carried ÷ pack ${ratio.toFixed(4)} over ${cuts} cuts (at most 1.03)`
  )
}

async function atRest(): Promise<void> {
  const publisher = member({ name: 'publisher', role: 'publisher', packBytes: 40_000_000 })
  const peers = [await addressOf(publisher)]
  const node = member({ name: 'node', role: 'branch', peers })
  const neighbours = []
  for (let n = 0; n < 7; n++) {
    neighbours.push(member({ name: `neighbour${n}`, role: 'branch', peers: [await addressOf(node)] }))
  }
  await Promise.all([node, ...neighbours].map((one) => one.until('done')))
  await wait(10_000)
  const [rss, cpu] = [status(node.pid, 'VmRSS'), cpuTicks(node.pid)]
  await wait(20_000)
  const share = ((cpuTicks(node.pid) - cpu) / 100 / 20) * 100
  console.log(
    `at rest with 8 peers after serving 7 × 40 MB: RSS ${(rss / 1024).toFixed(0)} MB (peak ${(status(node.pid, 'VmHWM') / 1024).toFixed(0)} MB), CPU ${share.toFixed(2)} %`
  )
  await Promise.all([node, publisher, ...neighbours].map((one) => one.stop()))
}

/** KiB */
function status(pid: number, field: string): number {
  return Number(new RegExp(`${field}:\\s+(\\d+)`).exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1])
}

function cpuTicks(pid: number): number {
  const fields = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ')[1]?.split(' ') ?? []
  return Number(fields[11]) + Number(fields[12])
}

await overACutLine()
await rateAndReports()
await atRest()
