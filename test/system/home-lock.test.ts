// A home has one process at a time, for as long as that process keeps it: also after the garbage collector has been.
import assert from 'node:assert/strict'
import { chown, mkdir, mkdtemp, readdir, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { homePaths, lockHome } from '../../src/system/home.ts'

let root: string
before(async () => {
  root = await mkdtemp(join(tmpdir(), 'chasqui-lock-'))
})
after(() => rm(root, { recursive: true, force: true }))

async function collectGarbage(): Promise<void> {
  setFlagsFromString('--expose-gc')
  const collect = runInNewContext('gc') as () => void
  for (let round = 0; round < 5; round++) {
    collect()
    await sleep(10)
  }
}

test('a locked home stays locked until it is released', async () => {
  const paths = homePaths(root)
  const lock = await lockHome(paths)
  await collectGarbage()
  await assert.rejects(lockHome(paths), { code: 'HOME_LOCKED' })
  await lock.release()
  const again = await lockHome(paths)
  await again.release()
})

test('a home that is not there, or is of another user, is refused and nothing is left in it', async (t) => {
  await assert.rejects(lockHome(homePaths(join(root, 'nowhere'))), { code: 'HOME_MISSING' })
  if (process.getuid?.() !== 0) return t.skip('only root can make a folder of another user')
  const foreign = join(root, 'foreign')
  await mkdir(foreign)
  await chown(foreign, 12345, 12345)
  await assert.rejects(lockHome(homePaths(foreign)), { code: 'HOME_NOT_OWNER' })
  assert.deepEqual(await readdir(foreign), [])
})
