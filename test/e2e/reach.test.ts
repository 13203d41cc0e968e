// Commands of a branch where no daemon runs: they open links for as long as they need them, and say so when nobody is there.
import assert from 'node:assert/strict'
import { mkdir } from 'node:fs/promises'
import { describe, it, type TestContext } from 'node:test'
import { addressOf, json, Lab, readFolder, shopConfig, writeTree } from './support.ts'

interface Refusal {
  error: { code: string; message: string }
}

/** A branch that knows `peer` and nobody else. */
async function branch(t: TestContext, peer: string | null) {
  const lab = await Lab.create(t, 'reach')
  await lab.init()
  await mkdir(lab.path('live'))
  const source = await writeTree(lab.path('shop'), { 'version.txt': '1.0.0\n' })
  await lab.publish(source, '--module', 'shop')
  const publisher = await lab.daemon(
    'publisher',
    'publisher',
    '--listen',
    '127.0.0.1:0',
    '--no-internet',
    '--no-lan'
  )
  const address = peer ?? (await addressOf(publisher))
  const app = lab.path('live', 'shop')
  const config = shopConfig(app).replace('lan = false', `peers = ["${address}"]\nlan = false`)
  return { lab, app, source, home: ['--home', await lab.branch('norte', config)] }
}

describe('without a daemon', () => {
  it('apply fetches what it needs by itself, and goes offline again', async (t) => {
    const { app, source, home } = await branch(t, null)
    assert.equal((await json(['node', 'apply', ...home])).result, 'committed')
    assert.deepEqual(await readFolder(app), await readFolder(source))
    assert.equal((await json(['node', 'apply', ...home])).result, 'nothing-to-do')
    assert.equal((await json(['node', 'check', ...home])).peers, 1)
  })

  it('check and apply say with status 9 that nobody could be reached', async (t) => {
    const { lab, home } = await branch(t, '127.0.0.1:9')
    assert.equal((await json<Refusal>(['node', 'check', ...home], 9)).error.code, 'NO_PEER')
    assert.equal((await json<Refusal>(['node', 'apply', ...home], 9)).error.code, 'NO_PEER')
    await json(['node', 'plan', ...home])
    await lab.branch('sola', shopConfig(lab.path('live', 'sola')))
    assert.equal((await json(['node', 'check', '--home', lab.home('sola')])).peers, 0)
  })
})
