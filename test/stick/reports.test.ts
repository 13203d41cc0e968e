// Files of records that somebody filled up: what they cost a machine, and that honest records get through.
import assert from 'node:assert/strict'
import { mkdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { serialize } from 'node:v8'
import type { StickFolder } from '../../src/stick/folder.ts'
import type { StickRecords } from '../../src/stick/home.ts'
import { openFolder } from '../../src/stick/open.ts'
import { BUNDLE_LIMITS, decodeBundle, encodeBundle } from '../../src/stick/report-bundle.ts'
import { giveRecords, measureRecords, takeRecords } from '../../src/stick/reports.ts'
import { blake2b } from '../../src/stick/tree.ts'
import { realFileSystem } from '../../src/system/real-file-system.ts'
import { never, temporaryFolder } from './support.ts'

const FILE = 'ab.rep'

async function stickWith(t: TestContext, file: Uint8Array): Promise<{ folder: StickFolder; path: string }> {
  const place = await temporaryFolder(t)
  const path = join(place, 'chasqui', 'reports', FILE)
  for (const name of ['reports', 'feeds']) await mkdir(join(place, 'chasqui', name), { recursive: true })
  await writeFile(path, file)
  return { folder: await openFolder(realFileSystem, place), path }
}

function frames(records: readonly Uint8Array[]): Uint8Array {
  const parts = records.flatMap((record) => {
    const length = Buffer.alloc(4)
    length.writeUInt32LE(record.length)
    return [Buffer.from('\xffREC', 'latin1'), length, blake2b([record]).subarray(0, 8), record]
  })
  return Buffer.concat([Buffer.from('CHQREP\0\x02', 'latin1'), ...parts])
}

const numbered = (count: number, bytes = 200) =>
  Array.from({ length: count }, (_, n) => {
    const record = Buffer.alloc(bytes)
    record.writeUInt32LE(n)
    return record
  })

/** A home with these records, to which everything else is a stranger's. */
function homeWith(ours: readonly Uint8Array[], onOffer: () => void = () => undefined): StickRecords {
  return {
    list: async () => ours.map((bytes) => ({ author: FILE.slice(0, 2).repeat(32), bytes })),
    async offer(bytes) {
      onOffer()
      return ours.some((own) => Buffer.from(own).equals(bytes)) ? 'known' : 'refused'
    }
  }
}

test('frames that hold nothing are no records', () => {
  const empty = Array.from({ length: 10 }, () => new Uint8Array(0))
  assert.deepEqual(decodeBundle(frames(empty)), { records: [], damaged: true })
})

test('of a file with more records than any fleet has no more are read, and it is written anew with a home’s own first', async (t) => {
  const strangers = numbered(BUNDLE_LIMITS.records + 1000)
  const { folder, path } = await stickWith(t, frames(strangers))
  const own = Buffer.from('a record of this home')
  let offered = 0
  const home = homeWith([own], () => offered++)
  assert.deepEqual(await measureRecords(folder, home), { count: 1, bytes: own.length })
  assert.equal(await giveRecords(folder, home, await takeRecords(folder, home, never)), 1)
  assert.equal(offered, BUNDLE_LIMITS.records)
  const { records, damaged } = decodeBundle(await readFile(path))
  assert.deepEqual([records.length, damaged], [BUNDLE_LIMITS.records, false])
  assert.deepEqual(records[0], own)
})

test('a file holds twice what the largest fleet has in it', () => {
  const records = numbered(480)
  assert.deepEqual(decodeBundle(encodeBundle(records)), { records, damaged: false })
})

test('strangers’ records stay on the stick and not in memory', async (t) => {
  const strangers = numbered(100, 90_000)
  const { folder, path } = await stickWith(t, encodeBundle(strangers))
  const own = Buffer.from('a record of this home')
  const home = homeWith([own])
  const taken = await takeRecords(folder, home, never)
  assert.ok(serialize(taken).length < 10_000)
  await giveRecords(folder, home, taken)
  assert.deepEqual(decodeBundle(await readFile(path)).records, [own, ...strangers])
})

test('a daemon does its other work while records are judged, and can stop', async (t) => {
  const { folder } = await stickWith(t, encodeBundle(numbered(1000)))
  let turns = 0
  let isOver = false
  const other = () => {
    turns++
    if (!isOver) setImmediate(other)
  }
  setImmediate(other)
  const at: number[] = []
  await takeRecords(
    folder,
    homeWith([], () => at.push(turns)),
    never
  )
  isOver = true
  assert.ok(new Set(at).size > 2)
  const stopped = AbortSignal.abort()
  await assert.rejects(takeRecords(folder, homeWith([]), stopped), { code: 'CANCELLED' })
})
