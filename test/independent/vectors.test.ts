import assert from 'node:assert/strict'
import { readdirSync, readFileSync } from 'node:fs'
import { readdir } from 'node:fs/promises'
import { dirname, join, resolve } from 'node:path'
import { test } from 'node:test'
import { asChasquiError } from '../../src/errors.ts'
import { manifestRoot, parseManifest } from '../../src/release/manifest.ts'
import { encodeRelease, parseRelease } from '../../src/release/release.ts'
import { temporaryFolder } from '../pack/fixtures.ts'
import { type AdmissionMessage, readAdmission, readLanName } from './admission-reader.ts'
import { readManifest } from './manifest-reader.ts'
import { type OrderGiven, readOrder } from './order-reader.ts'
import { readSignedPack, rootOf } from './pack-reader.ts'
import { readVectors } from './read-vectors.ts'
import { type ReadRecord, readRecord, readRecordFile } from './record-reader.ts'
import { verdictOf } from './refused.ts'
import { readRelease } from './release-reader.ts'
import { readSegment, type SegmentParts } from './segment-reader.ts'
import {
  applyVector,
  type ManifestVector,
  type PackVector,
  type ReleaseVector,
  readVectorTree
} from './vectors.ts'

interface SegmentVector {
  expect: string
  header: string
  blocks: string
  table: string
  footer: string
}

interface RecordVector {
  expect: string
  bytes: string
  read?: ReadRecord
}

interface RecordFileVector {
  expect: string[]
  damaged: boolean
  bytes: string
}

const hex = (text: string) => Buffer.from(text, 'hex')

async function outcome(run: () => unknown): Promise<string> {
  try {
    await run()
    return 'accepted'
  } catch (error) {
    return asChasquiError(error).code
  }
}

test('manifest vectors', async () => {
  for (const { comment, text, expect, root } of readVectors<ManifestVector>('manifest')) {
    const bytes = Buffer.from(text)
    assert.equal(await outcome(() => parseManifest(bytes)), expect, comment)
    assert.equal(
      verdictOf(() => readManifest(bytes)),
      expect,
      `${comment}, by the second reader`
    )
    if (root === undefined) continue
    assert.equal(manifestRoot(parseManifest(bytes)), root, comment)
    assert.equal(readManifest(bytes), root, comment)
  }
})

test('release vectors', async () => {
  for (const { comment, text, expect, encoded } of readVectors<ReleaseVector>('release')) {
    const bytes = Buffer.from(text)
    assert.equal(await outcome(() => parseRelease(bytes)), expect, comment)
    assert.equal(
      verdictOf(() => readRelease(bytes)),
      expect,
      `${comment}, by the second reader`
    )
    if (encoded === undefined) continue
    assert.equal(Buffer.from(encodeRelease(parseRelease(bytes))).toString(), encoded, comment)
    assert.equal(readRelease(bytes), encoded, comment)
  }
})

test('segment vectors, by the second reader', () => {
  for (const { comment, expect, ...parts } of readVectors<SegmentVector>('segment')) {
    const [header, blocks, table, footer] = [parts.header, parts.blocks, parts.table, parts.footer].map(hex)
    const given = { header, blocks, table, footer } as SegmentParts
    const found = verdictOf(() => readSegment(given))
    assert.equal(found === 'accepted' ? 'OK' : found, expect, comment)
  }
})

test('record vectors, by the second reader', () => {
  for (const { comment, bytes, expect, read } of readVectors<RecordVector>('record')) {
    const found = verdictOf(() => readRecord(hex(bytes)))
    assert.equal(found === 'accepted' ? 'ok' : found, expect, comment)
    if (read !== undefined) assert.deepEqual(readRecord(hex(bytes)), read, comment)
  }
  for (const { comment, bytes, expect, damaged } of readVectors<RecordFileVector>('report-file')) {
    assert.deepEqual(readRecordFile(hex(bytes)), { records: expect, damaged }, comment)
  }
})

/** What the vectors of 9.2 and 9.4 say of the secret. */
const SECRET = Buffer.alloc(32, 3)

test('admission and LAN name vectors, by the second reader', () => {
  for (const { comment, expect, ...message } of readVectors<AdmissionMessage & { expect: string }>(
    'admission'
  )) {
    const found = verdictOf(() => readAdmission(message, SECRET))
    assert.equal(found === 'accepted' ? 'ok' : found, expect, comment)
  }
  for (const { comment, name, expect } of readVectors<{ name: string; expect: string }>('lan-name')) {
    const found = verdictOf(() => readLanName(name, SECRET))
    assert.equal(found === 'accepted' ? 'ours' : found, expect, comment)
  }
})

test('apply order vectors, by the second reader', () => {
  for (const { comment, expect, ...given } of readVectors<OrderGiven & { expect: string }>('apply-order')) {
    const found = verdictOf(() => readOrder(given))
    assert.equal(found === 'accepted' ? 'OK' : found, expect, comment)
  }
})

test('pack vectors, by the reader of Chasqui and by the independent one', async (context) => {
  const folder = await temporaryFolder(context)
  for (const [i, vector] of readVectors<PackVector>('pack').entries()) {
    const { comment, base, tree, files, pack, expect } = vector
    const here = join(folder, String(i))
    const [bytes, old] = [Buffer.from(pack, 'base64'), base === null ? null : readVectorTree(base)]
    const second = () => readSignedPack(bytes, vector, old)
    assert.equal(verdictOf(second, 'PACK_DAMAGED'), expect, `${comment}, by the second reader`)
    assert.equal(await outcome(() => applyVector(vector, here)), expect, comment)
    if (expect !== 'accepted') {
      assert.deepEqual(await readdir(here), base === null ? [] : ['base'], `${comment}: nothing is left`)
      continue
    }
    const entries = second()
    assert.deepEqual(entries, readVectorTree(tree as string), comment)
    assert.equal(rootOf(entries), files.root, comment)
  }
})

const READERS = /(reader|parts|rules|refused|uint|read-vectors)\.ts$/

test('the second readers import nothing of src', () => {
  const folders = [import.meta.dirname, join(import.meta.dirname, '..', 'trust')]
  const files = folders.flatMap((folder) =>
    readdirSync(folder)
      .filter((name) => READERS.test(name))
      .map((name) => join(folder, name))
  )
  assert.ok(files.length >= 10, 'they are found')
  for (const file of files) {
    const imports = [...readFileSync(file, 'utf8').matchAll(/from '(\.[^']+)'/g)].map(
      (found) => found[1] as string
    )
    for (const path of imports) {
      assert.ok(files.includes(resolve(dirname(file), path)), `${file} imports ${path}`)
    }
  }
})
