import assert from 'node:assert/strict'
import { test } from 'node:test'
import { openGossipDay } from '../../src/member/gossip-day.ts'
import { InternetUse } from '../../src/member/internet-use.ts'
import type { LinkClass, Peer } from '../../src/net/peer.ts'
import type { StateStore } from '../../src/system/state.ts'

const JANUARY = Date.UTC(2026, 0, 15)
const FEBRUARY = Date.UTC(2026, 1, 1)

function peerOf(linkClass: LinkClass) {
  const closers: (() => void)[] = []
  const peer = {
    link: { class: linkClass },
    bytesIn: 0,
    bytesOut: 0,
    onClose: (act: () => void) => closers.push(act)
  }
  return { peer, close: () => closers.forEach((act) => void act()) }
}

function stateOf(saved: Record<string, unknown>): StateStore {
  const state: Partial<Record<keyof StateStore, unknown>> = {
    get: async (key: string) => saved[key],
    put: async (changes: object) => void Object.assign(saved, changes)
  }
  return state as unknown as StateStore
}

test('counts both directions of what is not the LAN, across connections and restarts', async () => {
  const saved: Record<string, unknown> = {}
  const use = new InternetUse({ state: stateOf(saved), now: () => JANUARY })
  await use.open()
  for (const linkClass of ['internet', 'metered', 'lan'] as const) {
    const { peer, close } = peerOf(linkClass)
    use.track(peer as unknown as Peer)
    peer.bytesIn = 100
    assert.ok(use.used(JANUARY) >= 100)
    peer.bytesOut = 10
    close()
  }
  const again = new InternetUse({ state: stateOf(saved), now: () => JANUARY })
  await again.open()
  assert.equal(again.used(JANUARY), 220)
  assert.equal(again.used(FEBRUARY), 0, 'a new month begins at nothing')
})

test('the day of gossip outlives the program', async () => {
  const saved: Record<string, unknown> = {}
  const day = await openGossipDay(stateOf(saved), { metered: 1000 })
  day.budget.spend('metered', 1000, JANUARY)
  await day.close()
  const { budget, close } = await openGossipDay(stateOf(JSON.parse(JSON.stringify(saved))), { metered: 1000 })
  await close()
  assert.equal(budget.allows('metered', 'report', 1, JANUARY), false)
  assert.equal(budget.allows('metered', 'report', 1, FEBRUARY), true)
})
