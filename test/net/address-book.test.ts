import assert from 'node:assert/strict'
import { afterEach, test } from 'node:test'
import { signRecord } from '../../src/fleet/record.ts'
import type { RecordSet } from '../../src/fleet/record-set.ts'
import { keepAddressBook } from '../../src/member/address-book.ts'
import type { HostPort } from '../../src/net/address.ts'
import type { Links } from '../../src/net/link-options.ts'
import type { Peer } from '../../src/net/peer.ts'
import { silentLog } from '../../src/system/log.ts'
import { TestFleet } from './members.ts'

const NOW = 1_700_000_000_000
const fleet = new TestFleet('tienda')
const stops: (() => void)[] = []
afterEach(() => {
  for (const stop of stops.splice(0)) stop()
})

function record(name: string, header: string, role: 'branch' | 'publisher' = 'branch') {
  const { keyPair, membership } = fleet.member(name, role)
  const fields = {
    type: 'address',
    author: keyPair.publicKey,
    membership,
    epoch: 1,
    sequence: 1,
    at: NOW
  } as const
  return signRecord({ ...fields, header: Buffer.from(header), body: new Uint8Array(0) }, keyPair.secretKey)
}

/** Runs one round; gives what it dialled and what it said. */
async function round(records: RecordSet, listening: HostPort | null, met: [string, 'tcp' | 'swarm'][] = []) {
  const dialled: string[] = []
  const said: string[] = []
  const links = {
    peers: () =>
      met.map(([name, transport]) => ({
        node: fleet.member(name).node,
        link: { transport, class: transport === 'tcp' ? 'lan' : 'internet' }
      })) as Peer[],
    isNear: (address: string) => address.startsWith('10.0.'),
    listening: () => listening,
    addAddress: (address: string) => dialled.push(address)
  }
  stops.push(
    keepAddressBook({
      node: fleet.member('own').node,
      records,
      links: links as Partial<Links> as Links,
      announce: async (_type, header) => void said.push(Buffer.from(header).toString()),
      log: silentLog,
      now: () => NOW,
      random: () => 0.5
    })
  )
  await new Promise((resolve) => setImmediate(resolve))
  return { dialled, said }
}

test('says where it listens, and says nothing of loopback', async () => {
  const { said } = await round(fleet.records(), { host: '10.1.2.3', port: 49_800 })
  assert.deepEqual(said, ['{"schema":1,"addresses":["10.1.2.3:49800"]}'])
  assert.deepEqual((await round(fleet.records(), { host: '127.0.0.1', port: 1 })).said, [])
  assert.deepEqual((await round(fleet.records(), null)).said, [])
})

test('does not say again what it said already', async () => {
  const records = fleet.records()
  records.add(record('own', '{"schema":1,"addresses":["10.1.2.3:49800"]}').bytes, NOW)
  assert.deepEqual((await round(records, { host: '10.1.2.3', port: 49_800 })).said, [])
})

test('dials the publisher first, and no more than eight', async () => {
  const records = fleet.records()
  for (let n = 0; n < 20; n++)
    records.add(record(`b${n}`, `{"schema":1,"addresses":["10.0.0.${n}:5"]}`).bytes, NOW)
  records.add(record('hq', '{"schema":1,"addresses":["10.9.9.9:5"]}', 'publisher').bytes, NOW)
  const { dialled } = await round(records, null)
  assert.equal(dialled.length, 8)
  assert.equal(dialled[0], '10.9.9.9:5')
})

test('dials far members only until it is connected with a few, the publisher and neighbours always', async () => {
  const records = fleet.records()
  for (let n = 0; n < 20; n++)
    records.add(record(`b${n}`, `{"schema":1,"addresses":["10.8.0.${n}:5"]}`).bytes, NOW)
  const met = (count: number) =>
    Array.from({ length: count }, (_, n): [string, 'swarm'] => [`far${n}`, 'swarm'])
  assert.equal((await round(records, null, met(5))).dialled.length, 3)
  assert.equal((await round(records, null, met(8))).dialled.length, 0)
  records.add(record('hq', '{"schema":1,"addresses":["10.9.9.9:5"]}', 'publisher').bytes, NOW)
  records.add(record('near', '{"schema":1,"addresses":["10.8.1.1:5","10.0.0.1:5"]}').bytes, NOW)
  const { dialled } = await round(records, null, met(40))
  assert.deepEqual(dialled, ['10.9.9.9:5', '10.0.0.1:5'])
})

test('dials the LAN address of whom it met through Hyperswarm alone, and no other of theirs', async () => {
  const records = fleet.records()
  const say = (name: string, ...addresses: string[]) =>
    records.add(record(name, JSON.stringify({ schema: 1, addresses })).bytes, NOW)
  say('neighbour', '10.7.0.1:5', '10.0.0.1:5')
  say('linked', '10.0.0.2:5')
  const met: [string, 'tcp' | 'swarm'][] = [
    ['neighbour', 'swarm'],
    ['linked', 'tcp'],
    ['late', 'swarm']
  ]
  const { dialled } = await round(records, null, met)
  assert.deepEqual(dialled, ['10.0.0.1:5'])
  say('late', '10.0.0.3:5')
  say('stranger', '10.0.0.4:5')
  assert.deepEqual(dialled, ['10.0.0.1:5', '10.0.0.3:5'])
})

const senseless = [
  'not json',
  '{"schema":2,"addresses":["10.0.0.1:5"]}',
  '{"schema":1,"addresses":["127.0.0.1:22"]}',
  '{"schema":1,"addresses":["[::1]:22"]}',
  '{"schema":1,"addresses":["169.254.169.254:80"]}',
  '{"schema":1,"addresses":["localhost:22"]}',
  '{"schema":1,"addresses":["224.0.0.251:5353"]}',
  '{"schema":1,"addresses":["nonsense"]}'
]
for (const header of senseless) {
  test(`does not dial ${header}`, async () => {
    const records = fleet.records()
    records.add(record('b', header).bytes, NOW)
    assert.deepEqual((await round(records, null)).dialled, [])
  })
}
