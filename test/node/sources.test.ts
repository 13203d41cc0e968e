// The accounts of where packs came from: counted once, kept pack by pack, and forgotten.
import assert from 'node:assert/strict'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { Sources } from '../../node/sources.ts'
import type { FeedSnapshot } from '../../src/feed/types.ts'
import { openState, type StateStore } from '../../src/system/state.ts'

const [A, B] = ['/packs/aa', '/packs/bb'] as const

/** Pack aa is blocks 0 to 9, bb is blocks 10 to 19. */
const snapshot = {
  blocks: async (path: string) => ({ offset: path === A ? 0 : 10, length: 10 }),
  list: async () => [A, B]
} as unknown as FeedSnapshot

const from = { peer: 'cafe', class: 'lan', bytes: 100 } as const
const lan = (bytes: number) => [{ peer: 'cafe', link: 'lan', bytes }]

async function withState(t: { after(work: () => Promise<void>): void }): Promise<StateStore> {
  const folder = await mkdtemp(join(tmpdir(), 'chasqui-sources-'))
  const state = await openState(folder)
  t.after(async () => {
    await state.close()
    await rm(folder, { recursive: true, force: true })
  })
  return state
}

async function opened(state: StateStore): Promise<Sources> {
  const sources = new Sources(state)
  await sources.open()
  return sources
}

test('of two downloads of the same pack the first that ends takes nothing from the other', async (t) => {
  const state = await withState(t)
  const sources = await opened(state)
  const endOne = await sources.watch(snapshot, [A])
  const endOther = await sources.watch(snapshot, [A])
  sources.count(0, from)
  await endOne()
  sources.count(1, from)
  assert.deepEqual(sources.of([A]), lan(200))
  await endOther()
  sources.count(2, from)
  assert.deepEqual(sources.of([A]), lan(200), 'nobody fetches it any more')
  assert.deepEqual((await opened(state)).of([A]), lan(200))
})

test('one entry of the state for each pack: what one download brings writes nothing of the others', async (t) => {
  const state = await withState(t)
  const puts: string[][] = []
  const watched = {
    ...state,
    put: (changes: Readonly<Record<string, unknown>>) => {
      puts.push(Object.keys(changes))
      return state.put(changes)
    }
  }
  const sources = await opened(watched)
  for (const [pack, index] of [
    [A, 0],
    [B, 10]
  ] as const) {
    const end = await sources.watch(snapshot, [pack])
    sources.count(index, from)
    await end()
  }
  await (await sources.watch(snapshot, [A]))()
  sources.hold(11, { stick: '57', bytes: 7 })
  await sources.assign(snapshot)
  assert.deepEqual(puts, [['sources/aa'], ['sources/bb'], ['sources/bb']])
})

test('what is forgotten is forgotten for good, but not while it is fetched', async (t) => {
  const state = await withState(t)
  const sources = await opened(state)
  const ends = [await sources.watch(snapshot, [A]), await sources.watch(snapshot, [B])]
  sources.count(0, from)
  sources.count(10, from)
  await ends[0]?.()
  await sources.forget(() => true)
  assert.deepEqual([sources.of([A]), sources.of([B])], [[], lan(100)])
  await ends[1]?.()
  assert.deepEqual([(await opened(state)).of([A]), (await opened(state)).of([B])], [[], lan(100)])
  assert.deepEqual(
    (await state.list('sources')).map(([key]) => key),
    ['sources/bb']
  )
})
