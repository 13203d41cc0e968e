import assert from 'node:assert/strict'
import net from 'node:net'
import { afterEach, beforeEach, mock, test } from 'node:test'
import { type NetworkInterfaces, WATCH, watchNetwork } from '../../src/net/network-watch.ts'
import { TestFleet, until } from './members.ts'

const address = (cidr: string): NetworkInterfaces => ({
  e0: [
    {
      address: cidr.split('/')[0] ?? '',
      netmask: '255.255.255.0',
      family: 'IPv4',
      mac: '02:00:00:00:00:01',
      internal: false,
      cidr
    }
  ]
})

let interfaces = address('10.0.0.1/24')
let sleep = 0
let changes = 0

beforeEach(() => {
  interfaces = address('10.0.0.1/24')
  sleep = 0
  changes = 0
  mock.timers.enable({ apis: ['setInterval', 'Date'] })
})
afterEach(() => mock.timers.reset())

const rows = [
  { name: 'nothing', happens: () => undefined, expect: 0 },
  {
    name: 'another address',
    happens: () => {
      interfaces = address('10.9.9.9/24')
    },
    expect: 1
  },
  {
    name: 'an interface that is gone',
    happens: () => {
      interfaces = {}
    },
    expect: 1
  },
  {
    name: 'a night of sleep',
    happens: () => {
      sleep = 8 * 3_600_000
    },
    expect: 1
  },
  {
    name: 'a second in which the machine was busy',
    happens: () => {
      sleep = 1000
    },
    expect: 0
  },
  {
    name: 'a clock that was set back',
    happens: () => {
      sleep = -3_600_000
    },
    expect: 0
  }
]
for (const { name, happens, expect } of rows) {
  test(`${name} counts as ${expect === 0 ? 'no' : 'a'} change of the network`, () => {
    const stop = watchNetwork({
      interfaces: () => interfaces,
      now: () => Date.now() + sleep,
      onChange: () => changes++
    })
    mock.timers.tick(WATCH.look * 3)
    happens()
    mock.timers.tick(WATCH.look * 3)
    stop()
    assert.equal(changes, expect)
  })
}

for (const lan of [true, false]) {
  test(`after a change every address is tried at once, ${lan ? 'with' : 'without'} LAN discovery`, async () => {
    mock.timers.reset()
    mock.timers.enable({ apis: ['setInterval'] })
    let dials = 0
    const server = net.createServer((socket) => {
      dials++
      socket.destroy()
    })
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
    const fleet = new TestFleet('tienda')
    const links = fleet.links(fleet.member('a'), {
      lan,
      peers: [`127.0.0.1:${(server.address() as net.AddressInfo).port}`],
      interfaces: () => interfaces,
      random: () => 1e6 // of itself it would wait for days
    })
    await links.start()
    await until(() => dials === 1, 'the first attempt')
    await new Promise((resolve) => setTimeout(resolve, 50)) // it has seen that it failed
    interfaces = address('10.9.9.9/24')
    mock.timers.tick(WATCH.look)
    await until(() => dials === 2, 'another attempt')
    await links.stop()
    server.close()
  })
}
