import assert from 'node:assert/strict'
import { execFile, spawnSync } from 'node:child_process'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { test } from 'node:test'
import { promisify } from 'node:util'
import { manifestRoot } from '../../src/release/manifest.ts'
import { makeTree, temporaryFolder } from './fixtures.ts'

const missing = ['sh', 'sha256sum', 'find'].find((tool) => spawnSync(tool, ['--version']).error !== undefined)

test('the root of a release can be computed with public tools, as the format describes', {
  skip: missing === undefined ? false : `${missing} is not here`
}, async (context) => {
  const format = await readFile(join(import.meta.dirname, '..', '..', 'docs', 'FORMAT.md'), 'utf8')
  const script = /### 2\.6 By hand[\s\S]*?```sh\n([\s\S]*?)```/.exec(format)?.[1] as string
  const folder = join(await temporaryFolder(context), 'the-folder')
  const tree = await makeTree(folder, {
    'a b/c d.txt': 'spaces',
    'bin/run': { content: '#!/bin/sh\n', executable: true },
    'bin-2': 'sorts before bin/',
    empty: '',
    'ñ/é.txt': 'unicode'
  })
  const { stdout } = await promisify(execFile)('sh', ['-c', script], { cwd: join(folder, '..') })
  assert.equal(stdout.slice(0, 64), manifestRoot(tree.manifest))
})
