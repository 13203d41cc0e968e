import assert from 'node:assert/strict'
import net from 'node:net'
import { afterEach, test } from 'node:test'
import NoiseSecretStream from '@hyperswarm/secret-stream'
import DHT from 'hyperdht'
import createTestnet from 'hyperdht/testnet.js'
import Hyperswarm from 'hyperswarm'
import type { ChasquiError } from '../../src/errors.ts'
import { isOnLan } from '../../src/net/address.ts'
import type { Links, StaticPeer } from '../../src/net/link-options.ts'
import type { Peer } from '../../src/net/peer.ts'
import { addressOf, TestFleet, until } from './members.ts'

const fleet = new TestFleet('tienda')
const running: Links[] = []

afterEach(async () => {
  fleet.revoked.clear()
  fleet.granted = null
  await Promise.all(running.splice(0).map((links) => links.stop()))
})

async function start(
  name: string,
  options: Parameters<TestFleet['links']>[1] = {},
  of = fleet
): Promise<Links> {
  const links = of.links(of.member(name), options)
  running.push(links)
  await links.start()
  return links
}

test('two members meet over a static address and know each other by name', async () => {
  const a = await start('a')
  const b = await start('b', { peers: [addressOf(a)] })
  await until(() => a.peers().length === 1 && b.peers().length === 1, 'both sides admitted')
  assert.equal(a.peers()[0]?.member.name, 'b')
  assert.equal(b.peers()[0]?.member.name, 'a')
  assert.equal(b.peers()[0]?.link.isInitiator, true)
  assert.equal(a.peers()[0]?.link.class, 'lan')
})

test('two members meet through Hyperswarm on a DHT of their own', async () => {
  const testnet = await createTestnet(3)
  const bootstrap = testnet.bootstrap.map(({ host, port }) => `${host}:${port}`)
  try {
    const a = await start('a', { internet: true, bootstrap, listen: undefined })
    await a.announced()
    const b = await start('b', { internet: true, bootstrap, listen: undefined })
    await until(() => a.peers().length === 1 && b.peers().length === 1, 'both sides admitted')
    assert.equal(a.peers()[0]?.link.transport, 'swarm')
    await Promise.all(running.splice(0).map((links) => links.stop()))
  } finally {
    await testnet.destroy()
  }
})

test('leaves the internet outside the hours, comes back in them, and keeps the LAN all the while', async () => {
  const testnet = await createTestnet(3)
  const bootstrap = testnet.bootstrap.map(({ host, port }) => `${host}:${port}`)
  let isOpen = true
  try {
    const far = await start('far', { internet: true, bootstrap, listen: undefined })
    await far.announced()
    const near = await start('near')
    const shop = await start('shop', {
      internet: true,
      bootstrap,
      peers: [addressOf(near)],
      isInternetOpen: () => isOpen,
      limits: { hoursCheck: 20 }
    })
    const names = () => shop.peers().map((peer) => peer.member.name)
    await until(() => names().length === 2, 'both are there')
    isOpen = false
    await until(() => names().length === 1, 'the internet is left')
    assert.deepEqual(names(), ['near'])
    isOpen = true
    await until(() => names().length === 2, 'both are there again')
    await Promise.all(running.splice(0).map((links) => links.stop()))
  } finally {
    await testnet.destroy()
  }
})

test('members who dial each other at the same time keep one and the same connection', async () => {
  for (let round = 0; round < 5; round++) {
    const a = await start('a')
    const b = await start('b')
    a.addAddress(addressOf(b))
    b.addAddress(addressOf(a))
    await until(() => a.peers().length === 1 && b.peers().length === 1, 'both sides admitted')
    await new Promise((resolve) => setTimeout(resolve, 50))
    await until(() => sameConnection(a.peers()[0], b.peers()[0]), 'one connection left')
    await Promise.all(running.splice(0).map((links) => links.stop()))
  }
})

function sameConnection(a: Peer | undefined, b: Peer | undefined): boolean {
  if (a === undefined || b === undefined || a.isClosed || b.isClosed) return false
  return Buffer.compare(a.stream.handshakeHash, b.stream.handshakeHash) === 0
}

test('dials again after the other side has restarted on the same port', async () => {
  const a = await start('a')
  const address = addressOf(a)
  const b = await start('b', { peers: [address] })
  await until(() => b.peers().length === 1, 'first connection')
  await a.stop()
  await until(() => b.peers().length === 0, 'connection lost')
  await start('a', { listen: address })
  await until(() => b.peers().length === 1, 'second connection')
})

const strangers = [
  { name: 'a member of another fleet that uses the same listener key', membership: 'otra branch x 00' },
  { name: 'a member that claims the membership of another', membership: null },
  { name: 'a revoked member', membership: 'revoked' }
]

for (const stranger of strangers) {
  test(`refuses ${stranger.name}`, async () => {
    let met = 0
    const a = await start('a', { onPeer: () => met++ })
    const member = fleet.member('x')
    if (stranger.membership === null) member.membership = fleet.member('y').membership
    else if (stranger.membership === 'revoked') fleet.revoked.add('x')
    else member.membership = Buffer.from(stranger.membership)
    const x = fleet.links(member, { onPeer: () => met++, peers: [addressOf(a)] })
    running.push(x)
    await x.start()
    await new Promise((resolve) => setTimeout(resolve, 150))
    assert.equal(met, 0)
    assert.equal(a.peers().length + x.peers().length, 0)
  })
}

test('a prober without the fleet secret is told nothing at all', async () => {
  const a = await start('a')
  const at = a.listening()
  const socket = net.connect(at?.port ?? 0, '127.0.0.1')
  const heard: Uint8Array[] = []
  socket.on('data', (bytes) => heard.push(bytes))
  const prober = new NoiseSecretStream(true, socket, {
    pattern: 'IK',
    keyPair: NoiseSecretStream.keyPair(),
    remotePublicKey: NoiseSecretStream.keyPair().publicKey
  })
  prober.on('error', () => undefined)
  await new Promise((resolve) => prober.once('close', resolve))
  assert.equal(Buffer.concat(heard).byteLength, 0)
})

test('a stranger whom a member dials over the DHT is not told who that is', async () => {
  const testnet = await createTestnet(3)
  const bootstrap = testnet.bootstrap.map(({ host, port }) => `${host}:${port}`)
  const stranger = new Hyperswarm({ dht: new DHT({ bootstrap, host: '127.0.0.1' }) })
  try {
    const heard: Uint8Array[] = []
    let closed = 0
    stranger.on('connection', (stream: NoiseSecretStream) => {
      stream.on('error', () => undefined)
      stream.on('data', (bytes: Uint8Array) => heard.push(bytes))
      stream.once('close', () => closed++)
      stream.write(Buffer.concat([Buffer.from([1, 4]), Buffer.alloc(32, 9)])) // a proof that is none
    })
    await stranger.join(fleet.topic, { server: true, client: true }).flushed()
    await start('Sucursal-Sur', { internet: true, bootstrap, listen: undefined })
    await until(() => closed > 0, 'the member has hung up')
    assert.ok(heard.every((bytes) => bytes.byteLength === 34))
    assert.equal(Buffer.concat(heard).includes('Sucursal-Sur'), false)
    await Promise.all(running.splice(0).map((links) => links.stop()))
  } finally {
    await stranger.destroy()
    await testnet.destroy()
  }
})

const far = { interfaces: () => ({}) }
const classes: {
  name: string
  options: Parameters<TestFleet['links']>[1]
  dial?: (at: string) => string | StaticPeer
  expect: string
}[] = [
  { name: 'an address on an own network', options: {}, expect: 'lan' },
  { name: 'an address beyond a router', options: far, expect: 'internet' },
  {
    name: 'an address beyond a router on a metered link',
    options: { ...far, internetClass: 'metered' },
    expect: 'metered'
  },
  {
    name: 'an address on another network of the site',
    options: { ...far, lanNetworks: ['127.0.0.0/8'] },
    expect: 'lan'
  },
  {
    name: 'the name of a machine on an own network',
    options: {},
    dial: (at) => at.replace('127.0.0.1', 'localhost'),
    expect: 'lan'
  },
  {
    name: 'a static peer that is said to be metered',
    options: {},
    dial: (address) => ({ address, class: 'metered' }),
    expect: 'metered'
  }
]
for (const { name, options, dial = (at: string) => at, expect } of classes) {
  test(`${name} is of class ${expect}`, async () => {
    const a = await start('a', options)
    const b = await start('b', { ...options, peers: [dial(addressOf(a))] })
    await until(() => a.peers().length === 1 && b.peers().length === 1, 'both sides admitted')
    assert.equal(b.peers()[0]?.link.class, expect)
    if (dial(addressOf(a)) === addressOf(a)) assert.equal(a.peers()[0]?.link.class, expect)
  })
}

test('what is behind a tunnel is not the LAN', () => {
  const own = { address: '10.8.0.5', netmask: '255.255.255.0', family: 'IPv4', internal: false } as const
  const on = (mac: string) => ({ if0: [{ ...own, mac, cidr: '10.8.0.5/24' }] })
  assert.equal(isOnLan('10.8.0.12', on('00:00:00:00:00:00')), false)
  assert.equal(isOnLan('10.8.0.12', on('02:00:00:00:00:01')), true)
})

test("what a carrier's NAT spans is not the LAN, unless the operator says so", () => {
  const own = { address: '100.72.1.5', netmask: '255.192.0.0', family: 'IPv4', internal: false } as const
  const on = { if0: [{ ...own, mac: '02:00:00:00:00:01', cidr: '100.72.1.5/10' }] }
  assert.equal(isOnLan('100.72.1.6', on), false)
  assert.equal(isOnLan('100.72.1.6', on, ['100.72.1.0/24']), true)
})

for (const { who, near } of [
  { who: 'a far member', near: false },
  { who: 'a neighbour', near: true }
]) {
  test(`outside the hours ${who} that dials in is ${near ? 'admitted' : 'refused'}`, async () => {
    const a = await start('a', { ...(near ? {} : far), isInternetOpen: () => false })
    const b = await start('b', { peers: [addressOf(a)] })
    let refused = 0
    const socket = net.connect(a.listening()?.port ?? 0, '127.0.0.1').on('error', () => undefined)
    socket.once('close', () => refused++)
    await until(() => (near ? b.peers().length > 0 : refused > 0), 'it is decided')
    socket.destroy()
    assert.equal(a.peers().length > 0, near)
  })
}

test('the nodes of one invite hold a few places, and one that the publisher has confirmed gets in past them', async () => {
  fleet.granted = new Set(['hub', 'other'])
  const hub = await start('hub')
  const at = { peers: [addressOf(hub)] }
  for (let n = 0; n < 8; n++) await start(`leaked#${n}`, at)
  await start('other', at)
  const names = () => hub.peers().map((peer) => peer.member.name)
  await until(() => names().includes('other') && names().length === 5, 'the other has a place')
  fleet.granted.add('leaked')
  await start('leaked', at)
  await until(() => names().includes('leaked'), 'the one that is confirmed has a place')
  assert.equal(names().filter((name) => name.startsWith('leaked')).length, 4)
})

/** A door to a listener that counts who comes through. */
async function doorTo(links: Links): Promise<{ address: string; count: () => number }> {
  let count = 0
  const door = net.createServer((inside) => {
    count++
    const outside = net.connect(links.listening()?.port ?? 0, '127.0.0.1')
    for (const socket of [inside, outside]) socket.on('error', () => undefined)
    inside.pipe(outside).pipe(inside)
  })
  await new Promise<void>((resolve) => door.listen(0, '127.0.0.1', resolve))
  door.unref()
  return { address: `127.0.0.1:${(door.address() as net.AddressInfo).port}`, count: () => count }
}

for (const full of ['the other side', 'this side']) {
  test(`while ${full} has no room, a found address is given up, and nobody takes it for a meeting`, async () => {
    const one = { limits: { peers: 1 } }
    const far = await start('far', full === 'this side' ? {} : one)
    const meetings: string[] = []
    const near = await start('near', {
      ...(full === 'this side' ? one : {}),
      onPeer: ({ member }) => meetings.push(member.name)
    })
    const busy = full === 'this side' ? near : far
    await start('third', { peers: [addressOf(busy)] })
    await until(() => busy.peers().length === 1, 'the one place is taken')
    const door = await doorTo(far)
    near.addAddress(door.address, 2)
    await until(() => door.count() === 2, 'it was tried twice')
    await new Promise((resolve) => setTimeout(resolve, 1000))
    assert.equal(door.count(), 2)
    assert.equal(meetings.includes('far'), false)
  })
}

test('a member that hangs up as soon as it is met is dialled less and less', async () => {
  const far = await start('far', { onPeer: (peer) => peer.close() })
  const near = await start('near')
  const door = await doorTo(far)
  near.addAddress(door.address, 2)
  await until(() => door.count() === 2, 'it was tried twice')
  await new Promise((resolve) => setTimeout(resolve, 1000))
  assert.equal(door.count(), 2)
})

test('when the table is full, whoever was there for long gives way, and anybody to the publisher', async () => {
  let now = 1_700_000_000_000
  const hub = await start('hub', { limits: { peers: 3 }, now: () => now })
  const names = () => hub.peers().map(({ member }) => member.name)
  const at = { peers: [addressOf(hub)] }
  for (const name of ['first', 'second', 'third']) {
    await start(name, at)
    await until(() => names().includes(name), `${name} is there`)
    now += 1000
  }
  const head = fleet.links(fleet.member('head', 'publisher'), at)
  running.push(head)
  await head.start()
  await until(() => names().includes('head'), 'the publisher has a place')
  assert.deepEqual(names(), ['second', 'third', 'head'])
  now += 11 * 60_000
  await until(() => names().includes('first'), 'the first has its turn again')
  assert.deepEqual(names(), ['third', 'head', 'first'])
  await new Promise((resolve) => setTimeout(resolve, 1500))
  assert.deepEqual(names(), ['third', 'head', 'first'], 'the second waits for its turn')
})

test('a member that was sent away by a wrong clock comes back once the clock is right', async () => {
  let now = Date.UTC(2036, 0)
  const a = await start('a', { now: () => now, onPeer: (peer) => now > Date.UTC(2030, 0) && peer.expel() })
  const door = await doorTo(a)
  await start('b', { peers: [door.address] })
  await until(() => door.count() === 2, 'b was sent away and asks again')
  assert.equal(a.peers().length, 0)
  now = Date.UTC(2026, 0)
  await until(() => a.peers().length === 1, 'b is there')
})

test('closes the connection of a member that is revoked while it is connected', async () => {
  const a = await start('a')
  const b = await start('b', { peers: [addressOf(a)] })
  await until(() => a.peers().length === 1, 'connected')
  fleet.revoked.add('b')
  a.recheckMembers()
  await until(() => a.peers().length === 0, 'b is gone')
  assert.ok(b.peers().every((peer) => peer.isClosed))
})

test('a port that is taken gives its own error', async () => {
  const a = await start('a')
  const b = fleet.links(fleet.member('b'), { listen: addressOf(a) })
  await assert.rejects(b.start(), (error: ChasquiError) => error.code === 'ADDRESS_IN_USE')
})

for (const address of [
  'nonsense',
  'host:',
  ':1',
  'host:99999',
  '[::1:5',
  'fe80::1:80',
  'host:0',
  'ho st:1'
]) {
  test(`refuses the peer address ${JSON.stringify(address)}`, async () => {
    const a = fleet.links(fleet.member('a'), { peers: [address] })
    await assert.rejects(a.start(), (error: ChasquiError) => error.code === 'PEER_ADDRESS_INVALID')
  })
}
