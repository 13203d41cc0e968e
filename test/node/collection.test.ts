import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { type CollectionInput, planCollection } from '../../node/collection-plan.ts'
import type { PackInfo, Release } from '../../src/release/release.ts'

const PACKS: Record<string, PackInfo> = {}

/** `full3` and `d23` of shop@3, `other/…` of another module. */
function release(module: string, version: string, packs: readonly string[]): Release {
  for (const name of packs) {
    const base = /d(\d)\d$/.exec(name)?.[1]
    const kind = base === undefined ? 'full' : 'delta'
    const bytes = kind === 'full' ? 100_000 : 10
    PACKS[name] = { sha256: name, bytes, kind, ...(base === undefined ? {} : { base }) }
  }
  const created = `2026-01-0${version}T00:00:00Z`
  const all = packs.map((name) => PACKS[name])
  return { module, track: 'default', version, created, packs: all } as unknown as Release
}

const SHOP = [
  release('shop', '1', ['full1']),
  release('shop', '2', ['d12']),
  release('shop', '3', ['d23']),
  release('shop', '4', ['full4', 'd34'])
]
const OTHER = [release('other', '1', ['other/full1']), release('other', '2', ['other/full2', 'other/d12'])]
const MORE = [release('more', '5', ['more/full5'])]
const all = Object.keys(PACKS)

const at = (module: string, version: string) => ({ module, track: 'default', version })

interface Row {
  name: string
  input: Partial<CollectionInput>
  here?: readonly string[]
  keep: readonly string[]
}

const ROWS: Row[] = [
  { name: 'keeps nothing that nobody needs', input: {}, keep: [] },
  {
    name: 'keeps the chain from a keyframe to what is installed',
    input: { rebuilt: [at('shop', '3')] },
    keep: ['full1', 'd12', 'd23']
  },
  {
    name: 'keeps one way to what is installed, the smaller one of those that are here',
    input: { rebuilt: [at('shop', '4')] },
    keep: ['full4']
  },
  {
    name: 'prefers what is here to what is smaller in the feed',
    input: { rebuilt: [at('shop', '4')] },
    here: ['full1', 'd12', 'd23', 'd34'],
    keep: ['full1', 'd12', 'd23', 'd34']
  },
  {
    name: 'keeps what a backup goes back to',
    input: { rebuilt: [at('shop', '4'), at('shop', '2')] },
    keep: ['full1', 'd12', 'full4']
  },
  {
    name: 'keeps everything of a module whose installed release has no chain any more',
    input: { rebuilt: [at('shop', '0')] },
    keep: ['full1', 'd12', 'd23', 'full4', 'd34']
  },
  {
    name: 'keeps what a planned transaction needs, and what it needs where the live tree has drifted',
    input: {
      rebuilt: [at('shop', '3')],
      planned: [{ module: 'shop', track: 'default', from: '3', to: '4' }]
    },
    keep: ['full1', 'd12', 'd23', 'd34', 'full4']
  },
  {
    name: 'keeps all that leads to what a channel points at, of its own modules',
    input: { pointed: [at('shop', '4'), at('other', '2')], isOwn: (module) => module === 'shop' },
    keep: ['full4', 'd34']
  },
  {
    name: 'keeps the steps of a branch that says it runs something older',
    input: {
      pointed: [at('shop', '4')],
      reported: [at('shop', '2')],
      isOwn: (module) => module === 'shop'
    },
    keep: ['d23', 'full4', 'd34']
  },
  {
    name: 'keeps what it carries for others',
    input: { pointed: [at('other', '2'), at('more', '5')], carry: 'all' },
    keep: ['other/full2', 'other/d12', 'more/full5']
  },
  {
    name: 'drops the oldest of what it carries above the limit',
    input: { pointed: [at('other', '2'), at('more', '5')], carry: 'all', limit: 150_000 },
    keep: ['more/full5']
  },
  {
    name: 'does not count own packs against the limit',
    input: {
      pointed: [at('shop', '4'), at('more', '5')],
      isOwn: (module) => module === 'shop',
      carry: 'all',
      limit: 100_000
    },
    keep: ['full4', 'd34', 'more/full5']
  },
  {
    name: 'counts a pack once that two channels lead to',
    input: { pointed: [at('other', '2'), at('other', '2'), at('more', '5')], carry: 'all', limit: 200_010 },
    keep: ['other/full2', 'other/d12', 'more/full5']
  },
  {
    name: 'counts only what is here',
    input: { pointed: [at('other', '2'), at('more', '5')], carry: 'all', limit: 100_000 },
    here: ['other/full2'],
    keep: ['other/full2']
  },
  {
    name: 'carries nothing for others where the policy says so',
    input: { pointed: [at('other', '2')], carry: 'mine' },
    keep: []
  }
]

describe('what a branch gives up', () => {
  for (const { name, input, here = all, keep } of ROWS) {
    it(name, () => {
      const found = planCollection({
        releases: [...SHOP, ...OTHER, ...MORE],
        isHere: (sha256) => here.includes(sha256),
        rebuilt: [],
        planned: [],
        pointed: [],
        reported: [],
        isOwn: () => false,
        carry: 'mine',
        limit: Number.POSITIVE_INFINITY,
        ...input
      })
      assert.deepEqual(found.keep.map(({ sha256 }) => sha256).sort(), [...keep].sort())
      const freed = all.filter((pack) => !keep.includes(pack))
      assert.deepEqual(found.free.map(({ sha256 }) => sha256).sort(), freed.sort())
    })
  }
})
