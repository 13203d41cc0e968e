import assert from 'node:assert/strict'
import type { ChildProcess } from 'node:child_process'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { test } from 'node:test'
import { isLanName, lanNameKey, makeLanName } from '../../src/net/lan-name.ts'
import { Lab, labUnavailable } from './labnet.ts'
import { until } from './members.ts'

interface Event {
  event: string
  name?: string
  author?: string
  sequence?: number
  address?: string
  class?: string
}

interface Host {
  child: ChildProcess
  events: Event[]
  peers(): number
  has(author: string): boolean
  /** times that it logged a warning */
  warned(): number
}

function start(lab: Lab, host: number, name: string, script = 'lab-member.ts'): Host {
  const child = lab.run(host, process.execPath, [join(import.meta.dirname, script), name])
  const events: Event[] = []
  createInterface(child.stdout as NodeJS.ReadableStream).on('line', (line) => events.push(JSON.parse(line)))
  const count = (event: string) => events.filter((one) => one.event === event).length
  return {
    child,
    events,
    peers: () => count('peer') - count('gone'),
    warned: () => count('warning'),
    has: (author) => events.some((one) => one.event === 'record' && one.author === author)
  }
}

const skip = labUnavailable()

test('hosts on a LAN with no route out find one another, and gossip reaches all', { skip }, async (t) => {
  const lab = new Lab(3)
  try {
    const hosts = [1, 2, 3].map((n) => start(lab, n, `host${n}`))
    await until(() => hosts.every((host) => host.events.length > 0), 'all are ready')
    const begun = performance.now()
    await until(() => hosts.every((host) => host.peers() >= 2), 'everybody knows everybody')
    t.diagnostic(`all met ${Math.round(performance.now() - begun)} ms after the last one was ready`)
    hosts[0]?.child.stdin?.write('report\n')
    await until(() => hosts.every((host) => host.has('host1')), 'the report is everywhere')
  } finally {
    await lab.close()
  }
})

test('what a host tells another reaches a third that was never online with it', { skip }, async () => {
  const lab = new Lab(3)
  try {
    const a = start(lab, 1, 'a')
    const c = start(lab, 3, 'c')
    await until(() => a.peers() === 1 && c.peers() === 1, 'a and c met')
    a.child.stdin?.write('report\n')
    await until(() => c.has('a'), 'c has the report of a')
    lab.cut(1)
    const b = start(lab, 2, 'b')
    await until(() => b.has('a'), 'b has the report of a')
  } finally {
    await lab.close()
  }
})

test('a host that dies and comes back is found again', { skip }, async () => {
  const lab = new Lab(2)
  try {
    const [a, b] = [start(lab, 1, 'a'), start(lab, 2, 'b')]
    await until(() => a.peers() === 1 && b.peers() === 1, 'they met')
    b.child.kill('SIGKILL')
    await until(() => a.peers() === 0, 'a noticed')
    const again = start(lab, 2, 'b')
    await until(() => a.peers() === 1 && again.peers() === 1, 'they met again')
  } finally {
    await lab.close()
  }
})

test('hosts that have IPv6 alone find one another', { skip }, async (t) => {
  const lab = new Lab(2)
  try {
    for (const n of [1, 2]) lab.withoutIPv4(n)
    const [a, b] = [start(lab, 1, 'a'), start(lab, 2, 'b')]
    await until(() => a.events.length > 0 && b.events.length > 0, 'both are ready')
    const begun = performance.now()
    await until(() => a.peers() === 1 && b.peers() === 1, 'they met')
    t.diagnostic(`they met ${Math.round(performance.now() - begun)} ms after both were ready`)
    const met = a.events.find(({ event }) => event === 'peer')
    assert.match(met?.address ?? '', /fe80/)
    assert.equal(met?.class, 'lan')
    a.child.stdin?.write('report\n')
    await until(() => b.has('a'), 'the report came')
  } finally {
    await lab.close()
  }
})

test('a host whose mDNS port is taken runs on, and is found when the port is free', { skip }, async () => {
  const lab = new Lab(2)
  try {
    const holder = start(lab, 2, '', 'port-holder.ts')
    await until(() => holder.events.length === 1, 'the port is taken')
    const [a, b] = [start(lab, 1, 'a'), start(lab, 2, 'b')]
    await until(() => b.warned() > 1, 'it could not have the port, and tried again')
    assert.equal(b.child.exitCode, null)
    holder.child.stdin?.end()
    await until(() => a.peers() === 1 && b.peers() === 1, 'they met')
  } finally {
    await lab.close()
  }
})

test('a host that may not join the multicast group at first joins it later', { skip }, async () => {
  const lab = new Lab(2)
  try {
    const groups = (n: number) => lab.sysctl(2, 'net.ipv4.igmp_max_memberships', n)
    lab.sysctl(2, 'net.ipv6.conf.e0.disable_ipv6', 1)
    groups(0)
    const [a, b] = [start(lab, 1, 'a'), start(lab, 2, 'b')]
    await until(() => b.warned() > 0, 'it could not join')
    groups(20)
    await until(() => a.peers() === 1 && b.peers() === 1, 'they met')
  } finally {
    await lab.close()
  }
})

test('a name on the LAN is recognised by members only and tells strangers nothing', () => {
  const key = lanNameKey(Buffer.alloc(64, 1))
  const one = makeLanName(key, Buffer.alloc(8, 1))
  const two = makeLanName(key, Buffer.alloc(8, 2))
  assert.ok(isLanName(key, one) && isLanName(key, two))
  assert.notEqual(one.slice(16), two.slice(16))
  assert.equal(isLanName(lanNameKey(Buffer.alloc(64, 2)), one), false)
  for (const name of ['', 'x'.repeat(32), one.slice(1), `${one}00`]) assert.equal(isLanName(key, name), false)
})
