// Letters on a stick: how large they may be.
import assert from 'node:assert/strict'
import { type TestContext, test } from 'node:test'
import type { WritableStick } from '../../src/stick/folder.ts'
import type { Letter } from '../../src/stick/home.ts'
import { giveLetters, listLetters } from '../../src/stick/letters.ts'
import { prepareFolder } from '../../src/stick/open.ts'
import { verifyFiles } from '../../src/stick/verify-files.ts'
import { realFileSystem } from '../../src/system/real-file-system.ts'
import { encodeAnswer } from '../../src/trust/signing-answer.ts'
import { never, temporaryFolder } from './support.ts'

async function stick(t: TestContext): Promise<WritableStick> {
  const made = { id: 'ab'.repeat(16), label: 'x', created: '2026-01-02T03:04:05Z' }
  return prepareFolder(realFileSystem, await temporaryFolder(t), made)
}

/** What two people signed of a publish of so many modules. */
function answer(modules: number): Letter {
  const signatures = Array.from({ length: 2 * modules }, (_, i) => ({
    role: `m.l10n_mx_custom_addon_${i >> 1}`,
    version: 2,
    keyid: 'ab'.repeat(32),
    sig: 'cd'.repeat(64)
  }))
  const request = '0123456789abcdef'
  const bytes = encodeAnswer({ schema: 'chasqui/answer/1', fleet: 'f1'.repeat(32), request, signatures })
  return { folder: 'grants', name: `sign-${request}-${request}.json`, bytes }
}

test('an answer to a publish of 2,000 modules gets on the stick, is read, and verifies', async (t) => {
  const folder = await stick(t)
  const large = answer(2000)
  const request: Letter = { folder: 'requests', name: 'sign-0123456789abcdef.json', bytes: large.bytes }
  assert.ok(large.bytes.length > 1_000_000)
  assert.equal(await giveLetters(folder, [large, request]), 2)
  assert.equal(await giveLetters(folder, [large, request]), 0)
  const found = await listLetters(folder)
  assert.deepEqual(
    found.map(({ name, bytes }) => [name, bytes.length]),
    [request, large].map(({ name, bytes }) => [name, bytes.length])
  )
  assert.deepEqual(await verifyFiles(folder, { signal: never }), [])
})

test('a letter of another kind may not be that large', async (t) => {
  const folder = await stick(t)
  const order: Letter = { folder: 'grants', name: 'apply-1.json', bytes: Buffer.alloc(300_000, ' ') }
  await assert.rejects(giveLetters(folder, [order]), TypeError)
})

test('names that somebody planted hide no letter for good', async (t) => {
  const folder = await stick(t)
  const planted = Array.from(
    { length: 250 },
    (_, n): Letter => ({ folder: 'requests', name: `aaa-${n}`, bytes: Buffer.alloc(1) })
  )
  await giveLetters(folder, [
    ...planted,
    { folder: 'requests', name: 'sign-0123456789abcdef.json', bytes: Buffer.alloc(1) }
  ])
  const seen = new Set<string>()
  // four of five visits find each: that one is missed by all 30 happens once in 10^20 runs
  for (let visit = 0; visit < 30; visit++) {
    const found = await listLetters(folder)
    assert.equal(found.length, 200)
    for (const { name } of found) seen.add(name)
  }
  assert.equal(seen.size, 251)
})
