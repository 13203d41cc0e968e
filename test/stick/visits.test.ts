// The stick's diary: what it keeps when machines have much to say.
import assert from 'node:assert/strict'
import { stat } from 'node:fs/promises'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import type { StickFolder } from '../../src/stick/folder.ts'
import { prepareFolder } from '../../src/stick/open.ts'
import { addVisit, readVisits, type Visit } from '../../src/stick/visits.ts'
import { realFileSystem } from '../../src/system/real-file-system.ts'
import { temporaryFolder } from './support.ts'

const LIMIT = 2 * 1024 * 1024 // bytes that a reader takes

async function stick(t: TestContext): Promise<{ folder: StickFolder; size(): Promise<number> }> {
  const place = await temporaryFolder(t)
  const made = { id: 'ab'.repeat(16), label: 'x', created: '2026-01-02T03:04:05Z' }
  const folder = await prepareFolder(realFileSystem, place, made)
  return { folder, size: async () => (await stat(join(place, 'chasqui', 'visits.json'))).size }
}

function visitOf(machine: number, modules: number, name: string, app = 'tienda'): Visit {
  const installed = Array.from({ length: modules }, (_, i) => ({
    app,
    module: `${name}${i}`,
    version: '17.0.1.0.0'
  }))
  const node = Buffer.alloc(32, machine).toString('hex')
  const counts = { read: 0, wrote: 0, reports: { in: 0, out: 0 } }
  const who = { at: '2026-01-02T03:04:05Z', node, name: `Sucursal ${machine}`, role: 'node' as const }
  return { ...who, ...counts, state: 'done', before: installed, after: installed, waiting: [], errors: [] }
}

test('a diary of machines with 250 modules each stays readable: the oldest visits go', async (t) => {
  const { folder, size } = await stick(t)
  let most = 0
  for (let i = 0; i < 70; i++) {
    const kept = await addVisit(folder, visitOf(i, 250, 'l10n_mx_custom_addon_'))
    assert.equal((await readVisits(folder)).length, kept.length)
    assert.equal(kept[0]?.name, `Sucursal ${i}`)
    assert.ok((await size()) <= LIMIT)
    most = Math.max(most, kept.length)
  }
  assert.ok(most > 50 && most < 70)
})

test('one visit that is too long for the diary is kept without its versions', async (t) => {
  const { folder, size } = await stick(t)
  await addVisit(folder, visitOf(1, 1, 'pos'))
  const [kept, ...others] = await addVisit(folder, visitOf(2, 500, 'ñ'.repeat(290)))
  assert.ok((await size()) <= LIMIT)
  const [large] = await addVisit(folder, visitOf(3, 500, '\u0001'.repeat(290), '\u0001'.repeat(300)))
  assert.deepEqual(
    [kept?.after.length, others.length, large?.after.length, large?.name],
    [500, 1, 0, 'Sucursal 3']
  )
  assert.equal((await readVisits(folder))[0]?.name, 'Sucursal 3')
})
