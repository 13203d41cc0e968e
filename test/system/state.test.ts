// The state of a home: why it cannot be opened is said as it is.
import assert from 'node:assert/strict'
import { existsSync } from 'node:fs'
import { mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { openState } from '../../src/system/state.ts'

test('a full disk, another process and a damaged state are not taken for one another', async (t) => {
  const folder = await mkdtemp(join(tmpdir(), 'chasqui-state-'))
  t.after(() => rm(folder, { recursive: true, force: true }))
  const one = await openState(join(folder, 'one'))
  t.after(() => one.close())
  await assert.rejects(openState(join(folder, 'one')), { code: 'HOME_LOCKED' })
  const damaged = await openState(join(folder, 'damaged'))
  await damaged.close()
  await writeFile(join(folder, 'damaged', 'CURRENT'), 'nonsense')
  await assert.rejects(openState(join(folder, 'damaged')), { code: 'HOME_DAMAGED' })
  if (!existsSync('/dev/full')) return
  await mkdir(join(folder, 'full'))
  await symlink('/dev/full', join(folder, 'full', 'MANIFEST-000001'))
  await assert.rejects(openState(join(folder, 'full')), { code: 'DISK_FULL' })
})
