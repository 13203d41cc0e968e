// What `node run` tells people: a line for what matters, none for what only begins.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { describeEvent, describeProgress } from '../../node/describe-events.ts'
import type { ControlEvent } from '../../src/control/commands.ts'

const releases = [{ module: 'shop', from: '1.0.0', to: '1.1.0' }]
const error = { code: 'CHECK_FAILED', message: 'http answers 500' }

const lines: [event: ControlEvent, text: string][] = [
  [{ event: 'ready', name: 'Norte', listening: null }, 'ready: Norte'],
  [{ event: 'peer', node: '00', name: 'Head Office', class: 'lan' }, 'met Head Office (lan)'],
  [
    { event: 'updates', updates: [{ app: 'till', module: 'web', from: null, to: '2.0' }] },
    'updates: web new → 2.0'
  ],
  [{ event: 'step', app: 'till', step: 'stage', state: 'begins' }, ''],
  [{ event: 'step', app: 'till', step: 'stage', state: 'done', ms: 25 }, 'till: stage done, 25 ms'],
  [{ event: 'applied', app: 'till', result: 'committed', releases }, 'till: committed: shop 1.0.0 → 1.1.0'],
  [
    { event: 'applied', app: 'till', result: 'rolled-back', releases, error },
    'till: rolled-back: shop 1.0.0 → 1.1.0: CHECK_FAILED: http answers 500'
  ],
  [
    { event: 'problem', where: 'trust', code: 'TUF_MISSING', message: 'no root' },
    'problem: trust: TUF_MISSING: no root'
  ],
  [{ event: 'something new', count: 3, list: [] }, 'something new 3']
]

test('an event is one line for people', () => {
  for (const [event, text] of lines) assert.equal(describeEvent(event), text)
})

test('what begins is on the progress line only', () => {
  const event = { event: 'step', app: 'till', step: 'stage', state: 'begins' }
  assert.equal(describeProgress(event), 'till: stage …')
})
