import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { closeSync, openSync } from 'node:fs'
import { mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { shortenLog } from '../../src/system/shorten-log.ts'

async function logIn(t: TestContext): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'chasqui-log-'))
  t.after(() => rm(folder, { recursive: true, force: true }))
  return join(folder, 'app.log')
}

test('a file up to the limit stays as it is', async (t) => {
  const path = await logIn(t)
  await writeFile(path, 'x'.repeat(1000))
  assert.equal(await shortenLog(path, { limit: 1000, kept: 10 }), false)
  assert.equal((await stat(path)).size, 1000)
})

test('of a larger one the end is kept, and a program that runs goes on to print into it', async (t) => {
  const path = await logIn(t)
  await writeFile(path, `${'old line\n'.repeat(1000)}the last line\n`)
  const output = openSync(path, 'a')
  const child = spawn('sh', ['-c', 'read line; echo "$line"'], { stdio: ['pipe', output, 'ignore'] })
  closeSync(output)
  assert.equal(await shortenLog(path, { limit: 1000, kept: 14 }), true)
  child.stdin?.end('printed after it\n')
  await once(child, 'exit')
  assert.equal(await readFile(path, 'utf8'), 'the last line\nprinted after it\n')
})
