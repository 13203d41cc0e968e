import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { HostPort } from '../../src/net/address.ts'
import { Redialer } from '../../src/net/redial.ts'

/** A redialer whose attempts are ended by the test. */
function rig(t: { after(end: () => void): void }) {
  const open = new Map<number, (reached: boolean) => void>()
  const redialer = new Redialer({
    dial: ({ port }, done) => open.set(port, done),
    random: () => 0.5
  })
  t.after(() => redialer.close())
  const at = (port: number): HostPort => ({ host: '10.0.0.1', port })
  return { open, redialer, at }
}

test('addresses that others named are tried up to a limit, those of the operator always', (t) => {
  const { open, redialer, at } = rig(t)
  for (let port = 1; port <= 1000; port++) redialer.add(at(port), 4)
  assert.equal(open.size, 256)
  redialer.add(at(5000))
  assert.ok(open.has(5000))
})

test('what has failed makes room for what was found just now', (t) => {
  const { open, redialer, at } = rig(t)
  for (let port = 1; port <= 256; port++) redialer.add(at(port), 4)
  redialer.add(at(2000), 4)
  assert.equal(open.has(2000), false)
  open.get(7)?.(false)
  redialer.add(at(2000), 4)
  redialer.add(at(2001), 4)
  assert.deepEqual([open.has(2000), open.has(2001)], [true, false])
})
