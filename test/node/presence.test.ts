// When a node did not run, over restarts, crashes, sleep and clocks that are set back. Real state database.
import assert from 'node:assert/strict'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { Presence } from '../../node/presence.ts'
import { openState } from '../../src/system/state.ts'

const MINUTE = 60_000
const HOUR = 60 * MINUTE

/** A node whose process starts and ends; hours are counted from an invented first one. */
async function machine(t: TestContext) {
  const folder = await mkdtemp(join(tmpdir(), 'chasqui-presence-'))
  const state = await openState(folder)
  const started: Presence[] = []
  t.after(async () => {
    for (const presence of started) await presence.stop()
    await state.close()
    await rm(folder, { recursive: true, force: true })
  })
  const clock = { now: 1000 * HOUR }
  const process = async () => {
    const presence = new Presence({ state, now: () => clock.now })
    await presence.open()
    started.push(presence)
    return presence
  }
  return { clock, process, state }
}

const inHours = (times: readonly { from: number; to: number }[]) =>
  times.map(({ from, to }) => [from / HOUR - 1000, to / HOUR - 1000])

test('a node that is stopped and started again was off in between', async (t) => {
  const { clock, process } = await machine(t)
  const first = await process()
  await first.start()
  clock.now += 5 * HOUR
  await first.tick()
  await first.stop()
  clock.now += 8 * HOUR
  const second = await process()
  await second.start()
  const off = inHours(second.offTimes())
  assert.deepEqual(off.slice(1), [
    [0, 5],
    [5, 13]
  ])
  await second.stop()
})

test('a command that runs without a daemon finds it off until now, and leaves no sign of life', async (t) => {
  const { clock, process } = await machine(t)
  const daemon = await process()
  await daemon.start()
  await daemon.stop()
  clock.now += HOUR
  const command = await process()
  assert.deepEqual(inHours(command.offTimes()).at(-1), [0, 1])
  clock.now += HOUR
  assert.deepEqual(inHours((await process()).offTimes()).at(-1), [0, 2])
})

test('a daemon that gives signs of life is never off; one that slept was', async (t) => {
  const { clock, process } = await machine(t)
  const daemon = await process()
  await daemon.start()
  const before = daemon.offTimes().length
  for (let minutes = 0; minutes < 600; minutes += 5) {
    clock.now += 5 * MINUTE
    await daemon.tick()
  }
  assert.equal(daemon.offTimes().length, before)
  clock.now += 7 * HOUR
  await daemon.tick()
  assert.deepEqual(inHours(daemon.offTimes()).at(-1), [10, 17])
})

test('a clock that is set back makes no gap, and old ones are forgotten', async (t) => {
  const { clock, process } = await machine(t)
  const wrong = await process()
  clock.now += 100_000 * HOUR
  await wrong.start()
  await wrong.stop()
  clock.now -= 99_000 * HOUR
  const right = await process()
  await right.start()
  const known = right.offTimes().length
  clock.now += HOUR / 12
  await right.tick()
  assert.equal(right.offTimes().length, known)
  await right.stop()
  clock.now += 30 * 24 * HOUR
  const later = await process()
  await later.start()
  clock.now += 30 * 24 * HOUR
  await later.tick()
  assert.equal(later.offTimes().filter(({ to }) => to < clock.now - 31 * 24 * HOUR).length, 0)
})

test('a disk that is full keeps no daemon from its start or its end', async (t) => {
  const { clock, process, state } = await machine(t)
  const { put } = state
  state.put = async () => {
    throw Object.assign(new Error('ENOSPC: no space left'), { code: 'ENOSPC' })
  }
  const daemon = await process()
  await daemon.start()
  await daemon.stop()
  state.put = put
  clock.now += HOUR
  const later = await process()
  await later.start()
  await later.stop()
  assert.deepEqual(inHours((await process()).offTimes()).at(-1), [-1000, 1])
})
