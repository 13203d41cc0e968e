// `npm run bench:swarm`: six branches on a fast LAN, the publisher behind a line of 10 Mbit/s, one pack of 40 MB. Prints
// what the line carried ÷ pack and the time ÷ what the line needs, for Chasqui, for Hypercore's own download and for
// aria2 (BitTorrent) when it is installed. Needs root (network namespaces). Options: --mb N --branches N --rate N.
import { parseArgs } from 'node:util'
import { FAR, Lab, labUnavailable } from '../test/net/labnet.ts'
import { SwarmProcess } from '../test/net/swarm.ts'
import { atMost } from './lib/goal.ts'
import { aria2Swarm } from './swarm-aria2.ts'

export interface Result {
  name: string
  /** bytes that the far host sent, headers of all layers included */
  uplink: number
  /** bytes that came out of the publisher's sockets */
  payload: number | null
  /** ms of the longest fetch */
  ms: number
}

const { values } = parseArgs({
  options: {
    mb: { type: 'string', default: '40' },
    branches: { type: 'string', default: '6' },
    rate: { type: 'string', default: '10' }
  }
})
const pack = Number(values.mb) * 1_000_000
const branches = Number(values.branches)
const rate = Number(values.rate) // Mbit/s
const ideal = (pack * 8) / (rate * 1_000_000) // s

const why = labUnavailable()
if (why !== false) {
  console.log(`bench:swarm cannot run here: ${why}`)
  process.exit(0)
}

async function inLab(run: (lab: Lab) => Promise<Result>): Promise<Result> {
  const lab = new Lab(branches)
  try {
    lab.addFar(`${rate}mbit`)
    return await run(lab)
  } finally {
    await lab.close()
  }
}

async function chasqui(lab: Lab, plain: boolean): Promise<Result> {
  const port = 49_800
  const publisher = new SwarmProcess((command, args) => lab.run(FAR, command, args), {
    name: 'publisher',
    role: 'publisher',
    listen: `${lab.address(FAR)}:${port}`,
    peers: [],
    lan: false,
    packBytes: pack,
    plain
  })
  await publisher.until('ready')
  const before = lab.traffic(FAR).sent
  const started = Date.now()
  const members = Array.from({ length: branches }, (_, at) => {
    const run = (command: string, args: string[]) => lab.run(at + 1, command, args)
    const peers = [`${lab.address(FAR)}:${port}`]
    return new SwarmProcess(run, { name: `branch${at}`, role: 'branch', peers, lan: true, plain })
  })
  await Promise.all(members.map((member) => member.until('done')))
  const fetches = members.map((member) => member.events.find((event) => event.event === 'done')?.ms ?? 0)
  const all = Date.now() - started
  const ms = Math.max(...fetches)
  console.log(
    `  (with the start of ${branches} programs and the first look at the feed: ${(all / 1000).toFixed(1)} s)`
  )
  const uplink = lab.traffic(FAR).sent - before
  await Promise.all(members.map((member) => member.stop()))
  await new Promise((resolve) => setTimeout(resolve, 300))
  const gone = publisher.events.filter((event) => event.event === 'gone')
  await publisher.stop()
  const payload = gone.reduce((sum, event) => sum + (event.out ?? 0), 0)
  return { name: plain ? "Hypercore's download" : 'Chasqui', uplink, payload, ms }
}

function print(result: Result): void {
  const ratio = (bytes: number | null) => (bytes === null ? '    –' : (bytes / pack).toFixed(3))
  const seconds = (result.ms / 1000).toFixed(1)
  console.log(
    `${result.name.padEnd(22)} socket ÷ pack ${ratio(result.payload)}   wire ÷ pack ${ratio(result.uplink)}` +
      `   ${seconds} s   time ÷ ideal ${(result.ms / 1000 / ideal).toFixed(3)}`
  )
}

console.log(
  `${branches} branches on a LAN, publisher behind ${rate} Mbit/s, pack ${pack} bytes, ideal ${ideal.toFixed(1)} s`
)
const ours = await inLab((lab) => chasqui(lab, false))
print(ours)
console.log(
  `  wire ÷ pack: ${atMost(ours.uplink / pack, 1.05)}; time ÷ ideal: ${atMost(ours.ms / 1000 / ideal, 1.1)}`
)
print(await inLab((lab) => chasqui(lab, true)))
const aria2 = await inLab((lab) => aria2Swarm(lab, pack, branches)).catch((error: Error) => error.message)
if (typeof aria2 === 'string') console.log(`aria2: ${aria2}`)
else print(aria2)
