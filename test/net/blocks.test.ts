import assert from 'node:assert/strict'
import { test } from 'node:test'
import { CLAIMS } from '../../src/net/blocks/claims.ts'
import { BlockPlan, type Holder, PLAN } from '../../src/net/blocks/plan.ts'

const always = () => true
const random = () => 0.5
const range = (length: number) => Array.from({ length }, (_, index) => index)

function holder(id: string, isLan: boolean, limit = 4): Holder {
  return { id, isLan, isFetching: isLan, inFlight: 0, limit }
}

function plan(options: {
  own?: string
  holders: { holder: Holder; has: number[] }[]
  wanted: number[]
}): BlockPlan {
  const made = new BlockPlan(options.own ?? 'm', random)
  made.want(options.wanted, 0)
  for (const { holder: one, has } of options.holders) {
    made.addHolder(one)
    made.holds(one.id, has)
  }
  return made
}

test('asks a neighbour for what it has, and the uplink for nothing of that', () => {
  const uplink = holder('publisher', false)
  const made = plan({
    holders: [
      { holder: holder('b', true), has: range(4) },
      { holder: uplink, has: range(4) }
    ],
    wanted: range(4)
  })
  const step = made.next(PLAN.settle, always)
  assert.deepEqual(
    step.requests.map(({ holder: { id } }) => id),
    ['b', 'b', 'b', 'b']
  )
  assert.deepEqual(step.claims, [])
})

test('claims a block before it asks the uplink, when neighbours fetch too', () => {
  const made = plan({
    holders: [
      { holder: holder('b', true), has: [] },
      { holder: holder('publisher', false, 1), has: range(9) }
    ],
    wanted: range(9)
  })
  assert.deepEqual(made.next(0, always), { requests: [], claims: [], again: PLAN.settle })
  const claim = made.next(PLAN.settle, always)
  assert.equal(claim.requests.length, 0)
  assert.equal(claim.claims.length, 1 + PLAN.ahead)
  const ask = made.next(PLAN.settle + PLAN.claimDelay, always)
  assert.equal(ask.requests.length, 1)
  assert.ok(claim.claims.includes(ask.requests[0]?.index ?? -1))
})

test('does not wait for anybody when it is alone', () => {
  const made = plan({ holders: [{ holder: holder('publisher', false, 2), has: range(9) }], wanted: range(9) })
  assert.equal(made.next(0, always).requests.length, 2)
})

for (const { own, stands } of [
  { own: 'a', stands: true },
  { own: 'c', stands: false }
]) {
  test(`of two rival claims the one of the lower id stands (${own} against b)`, () => {
    const made = plan({
      own,
      holders: [
        { holder: holder('b', true), has: [] },
        { holder: holder('publisher', false, 1), has: [7] }
      ],
      wanted: [7]
    })
    assert.deepEqual(made.next(PLAN.settle, always).claims, [7])
    assert.deepEqual(made.claimed('b', [7], PLAN.settle), stands ? [] : [7])
    assert.equal(made.next(PLAN.settle + PLAN.claimDelay, always).requests.length, stands ? 1 : 0)
  })
}

const ends = [
  { name: 'is released', end: (made: BlockPlan) => made.released('b', [7]), at: PLAN.settle },
  {
    name: 'belongs to a neighbour that is gone',
    end: (made: BlockPlan) => made.removeHolder('b'),
    at: PLAN.settle
  },
  { name: 'is too old', end: () => undefined, at: PLAN.settle + CLAIMS.life + 1 }
]
for (const { name, end, at } of ends) {
  test(`a block whose claim ${name} is fetched by another`, () => {
    const made = plan({
      holders: [
        { holder: holder('b', true), has: [] },
        { holder: holder('publisher', false), has: [7] }
      ],
      wanted: [7]
    })
    made.claimed('b', [7], 0)
    assert.deepEqual(made.next(PLAN.settle, always).claims, [])
    end(made)
    const first = made.next(at, always)
    const second = made.next(at + PLAN.claimDelay, always)
    assert.equal([...first.requests, ...second.requests].length, 1)
  })
}

test('a block that failed is asked of another holder', () => {
  const b = holder('b', true, 1)
  const c = holder('c', true, 1)
  const made = plan({
    holders: [
      { holder: b, has: [1] },
      { holder: c, has: [1] }
    ],
    wanted: [1]
  })
  const first = made.next(0, always).requests[0]?.holder
  assert.ok(first)
  first.inFlight--
  made.failed(first.id, 1, false)
  const second = made.next(0, always).requests[0]?.holder
  assert.notEqual(second?.id, first.id)
})

test('a link that must wait keeps its block for later', () => {
  const made = plan({ holders: [{ holder: holder('b', true), has: [1] }], wanted: [1] })
  assert.equal(made.next(0, () => false).requests.length, 0)
  assert.equal(made.next(1, always).requests.length, 1)
  assert.equal(made.next(2, always).requests.length, 0)
})

const greed = [
  { how: 'claims everything, for ever', again: () => undefined },
  {
    how: 'takes its claims back and makes them anew',
    again: (made: BlockPlan) => made.released('a', range(100))
  },
  {
    how: 'goes away and comes back with the same claims',
    again: (made: BlockPlan) => {
      made.removeHolder('a')
      made.addHolder(holder('a', true))
    }
  }
]
for (const { how, again } of greed)
  test(`a neighbour that ${how} does not keep a branch from its uplink`, () => {
    const made = plan({
      own: 'b',
      holders: [
        { holder: holder('a', true), has: [] },
        { holder: holder('publisher', false), has: range(100) }
      ],
      wanted: range(100)
    })
    const fetched = new Set<number>()
    for (let now = 0; now < 120_000; now += 1000) {
      if (now % 5000 === 0) {
        again(made)
        made.claimed('a', range(100), now)
      }
      for (const { index, holder: from } of made.next(now, always).requests) {
        from.inFlight--
        fetched.add(index)
        made.drop(index)
      }
    }
    assert.equal(fetched.size, 100)
  })

test('claims nothing while its uplink is paused, and goes on when that is over', () => {
  const made = plan({
    holders: [
      { holder: holder('b', true), has: [] },
      { holder: holder('publisher', false), has: range(9) }
    ],
    wanted: range(9)
  })
  assert.deepEqual(made.next(PLAN.settle, always, ({ isLan }) => !isLan).claims, [])
  assert.ok(made.next(PLAN.settle, always).claims.length > 0)
})

test('over a paused link only what is critical is asked for', () => {
  const made = plan({ holders: [{ holder: holder('publisher', false, 9), has: range(9) }], wanted: range(9) })
  const asked = made.next(0, always, (_holder, index) => index !== 4).requests
  assert.deepEqual(
    asked.map(({ index }) => index),
    [4]
  )
})

test('keeps nothing of what peers say to have and nobody wants', () => {
  const made = plan({ holders: [{ holder: holder('b', true), has: [] }], wanted: [1] })
  made.holds('b', range(1000))
  made.want(range(1000), 0)
  assert.deepEqual(
    made.next(0, always).requests.map(({ index }) => index),
    [1]
  )
})

test('six branches behind one uplink fetch every block over it once', () => {
  const count = 300
  const names = ['a', 'b', 'c', 'd', 'e', 'f']
  const plans = new Map(names.map((name) => [name, new BlockPlan(name, Math.random)]))
  const uplinks = new Map(names.map((name) => [name, holder('publisher', false, 1)]))
  for (const [name, made] of plans) {
    for (const other of names) if (other !== name) made.addHolder(holder(other, true))
    made.addHolder(uplinks.get(name) as Holder)
    made.want(range(count), 0)
    made.holds('publisher', range(count))
  }
  let overUplink = 0
  // claims are heard at once; a block from a neighbour is there at once; one over the uplink takes 30 ms
  let arriving: { name: string; index: number; at: number }[] = []
  const act = (name: string, now: number) => {
    const made = plans.get(name) as BlockPlan
    const step = made.next(now, always)
    for (const other of names) if (other !== name) plans.get(other)?.claimed(name, step.claims, now)
    for (const { holder: from, index } of step.requests) {
      if (from.isLan) {
        from.inFlight--
        made.drop(index)
      } else {
        overUplink++
        arriving.push({ name, index, at: now + 30 })
      }
    }
  }
  const arrive = (name: string, index: number, now: number) => {
    const uplink = uplinks.get(name) as Holder
    uplink.inFlight--
    plans.get(name)?.drop(index)
    for (const other of names) {
      if (other === name) continue
      plans.get(other)?.holds(name, [index])
      act(other, now)
    }
  }
  for (let now = 0; [...plans.values()].some((made) => !made.isIdle); now += 10) {
    assert.ok(now < 1_000_000, 'it ends')
    const due = arriving.filter(({ at }) => at <= now)
    arriving = arriving.filter(({ at }) => at > now)
    for (const { name, index } of due) arrive(name, index, now)
    for (const name of names) act(name, now)
  }
  assert.equal(overUplink, count)
})
