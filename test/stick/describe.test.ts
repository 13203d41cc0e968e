// What a person in front of a machine reads in the terminal while a stick is in.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { describeEvent } from '../../node/describe-events.ts'
import type { ControlEvent } from '../../src/control/commands.ts'
import { describeStick, describeStickEvent } from '../../src/stick/describe.ts'
import { type WatchedStick, workingStick } from '../../src/stick/watched-stick.ts'

const done = {
  read: { blocks: 2, bytes: 12_000 },
  wrote: { blocks: 0, bytes: 0, segments: 0 },
  reports: { in: 1, out: 2 }
}
const releases = [{ module: 'pos', from: null, to: '1.1.0' }]

const events: { given: Record<string, unknown> & { what: string }; text: string }[] = [
  { given: { what: 'plugged' }, text: 'stick /media/a: working, do not remove it yet' },
  { given: { what: 'again' }, text: 'stick /media/a: working again, do not remove it yet' },
  { given: { what: 'progress', step: 'import', done: 0, total: null }, text: '' },
  { given: { what: 'progress', step: 'import', done: 9, total: 10 }, text: '' },
  { given: { what: 'stick-plan', bytes: 1, free: 79036944384 }, text: '' },
  {
    given: { what: 'applied', app: 'till', releases, result: 'committed' },
    text: 'stick /media/a: till: pos 1.1.0 committed'
  },
  {
    given: { what: 'applied', app: 'till', releases, result: 'rolled-back', error: { message: 'no answer' } },
    text: 'stick /media/a: till: pos 1.1.0 rolled-back: no answer'
  },
  {
    given: { what: 'done', ...done, troubles: [], safeToRemove: true },
    text: 'stick /media/a: done, safe to remove (read 12.0 kB, wrote 0 B, 1 reports taken, 2 given)'
  },
  {
    given: { what: 'done', ...done, troubles: [], safeToRemove: false },
    text: 'stick /media/a: another program goes on with it (read 12.0 kB, wrote 0 B, 1 reports taken, 2 given)'
  },
  {
    given: { what: 'done', ...done, troubles: ['STICK_FULL: 9 bytes are missing'], safeToRemove: true },
    text: 'stick /media/a: done with errors, safe to remove (read 12.0 kB, wrote 0 B, 1 reports taken, 2 given): STICK_FULL: 9 bytes are missing'
  },
  {
    given: { what: 'failed', code: 'DISK_FULL', message: 'no room' },
    text: 'stick /media/a: FAILED, safe to remove: DISK_FULL: no room'
  },
  {
    given: { what: 'failed', code: 'DISK_FULL', message: 'no room', safeToRemove: false },
    text: 'stick /media/a: FAILED, another program goes on with it, do not remove it yet: DISK_FULL: no room'
  },
  { given: { what: 'removed' }, text: 'stick /media/a: removed' }
]

for (const { given, text } of events) {
  test(`${given.what}: ${text === '' ? 'nothing for people' : text}`, () => {
    const event: ControlEvent = { event: 'stick', place: '/media/a', ...given }
    assert.equal(describeStickEvent(event), text)
    assert.equal(describeEvent(event), text)
  })
}

const progress = { step: 'export', bytes: 12_000_000, total: 150_000_000 } as const
const sticks: { stick: Partial<WatchedStick>; text: RegExp }[] = [
  { stick: {}, text: /working since 2026[^ ]*, do not remove it yet$/ },
  { stick: { progress }, text: /working since 2026[^ ]*, 12\.0 MB of 150 MB written, do not remove it yet$/ },
  {
    stick: { progress: { ...progress, step: 'import', total: null } },
    text: /, 12\.0 MB read, do not remove/
  },
  { stick: { state: 'done', safeToRemove: true }, text: /done 2026[^ ]*, safe to remove$/ },
  {
    stick: { state: 'done' },
    text: /done 2026[^ ]*, another program goes on with it, do not remove it yet$/
  },
  {
    stick: { state: 'done', safeToRemove: true, troubles: ['STICK_FULL: 9 bytes are missing'] },
    text: /done with errors 2026.*safe to remove: STICK_FULL: 9 bytes are missing/
  },
  {
    stick: { state: 'failed', safeToRemove: true, error: { code: 'DISK_IO', message: 'bad' } },
    text: /FAILED.*, safe to remove: DISK_IO: bad/
  }
]

for (const { stick, text } of sticks) {
  test(`status shows a stick: ${JSON.stringify(stick)}`, () => {
    assert.match(describeStick({ ...workingStick('/media/a', Date.UTC(2026, 0, 2)), ...stick }), text)
  })
}
