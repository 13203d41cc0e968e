// A member of the pretend fleet as a process of its own, for the lab: `lab-member.ts NAME`. Writes one JSON line for each
// thing that happens; reads commands from stdin, one JSON line each.
import { createInterface } from 'node:readline'
import pino from 'pino'
import { Gossip } from '../../src/net/gossip.ts'
import { TestFleet } from './members.ts'

const NOW = 1_700_000_000_000
const fleet = new TestFleet('lab')
const member = fleet.member(process.argv[2] ?? 'nobody')
const records = fleet.records()
const say = (event: object) => process.stdout.write(`${JSON.stringify(event)}\n`)

const gossip = new Gossip({ records, own: member.node, now: () => NOW })
const links = fleet.links(member, {
  lan: true,
  listen: undefined,
  log: pino({ level: 'warn' }, { write: (line) => say({ event: 'warning', line }) }),
  onPeer: (peer) => {
    say({ event: 'peer', name: peer.member.name, class: peer.link.class, address: peer.link.address })
    peer.onClose(() => say({ event: 'gone', name: peer.member.name }))
    gossip.open(peer)
  }
})
records.onAdded((record) => say({ event: 'record', author: record.member.name, sequence: record.sequence }))
await links.start()
say({ event: 'ready', port: links.listening()?.port })

let sequence = 0
for await (const line of createInterface(process.stdin)) {
  if (line === 'report') records.add(fleet.record(member, ++sequence).bytes, NOW)
}
