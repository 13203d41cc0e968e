// A key for another signer, made by the real program: what is written can be read back.
import assert from 'node:assert/strict'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { test } from 'node:test'
import { decodeKeyFile } from '../../src/trust/key-file.ts'
import { at, chasqui, temporaryFolder } from './support.ts'

test('a key with a label that no key file may have is not written', async (t) => {
  const folder = await temporaryFolder(t)
  const make = (length: number) => {
    const file = join(folder, `${length}.key`)
    return chasqui(folder, ['keys', 'new', file, '--no-passphrase', '--label', 'n'.repeat(length), '--json'])
  }
  const [longest, longer] = [await make(200), await make(201)]
  assert.deepEqual([longest.status, longer.status, at(longer.json, 'error.code')], [0, 2, 'USAGE'])
  assert.equal(decodeKeyFile(await readFile(join(folder, '200.key'))).label?.length, 200)
  await assert.rejects(readFile(join(folder, '201.key')), { code: 'ENOENT' })
})
