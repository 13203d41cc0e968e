// Disk errors while a publish is written: nothing is half-done, the error says what to do, and the next publish works.
import assert from 'node:assert/strict'
import { join } from 'node:path'
import { test } from 'node:test'
import { asChasquiError } from '../../src/errors.ts'
import { openWriter } from '../../src/feed/writer.ts'
import type { FileSystem } from '../../src/system/file-system.ts'
import { realFileSystem } from '../../src/system/real-file-system.ts'
import { closeFeed, openPublisher, temporaryFolder, text } from './support.ts'

/** Fails the n-th operation of a kind on the journal. */
function failing(
  operation: 'create' | 'write' | 'sync' | 'close' | 'syncDirectory',
  code: string
): FileSystem {
  const fail = () => {
    throw Object.assign(new Error(`${code}: ${operation}`), { code })
  }
  return {
    ...realFileSystem,
    async createFile(path, mode) {
      if (operation === 'create') fail()
      const writer = await realFileSystem.createFile(path, mode)
      return {
        write: async (bytes) => (operation === 'write' ? fail() : writer.write(bytes)),
        sync: async () => (operation === 'sync' ? fail() : writer.sync()),
        async close() {
          await writer.close()
          if (operation === 'close') fail()
        }
      }
    },
    syncDirectory: async (path) =>
      operation === 'syncDirectory' ? fail() : realFileSystem.syncDirectory(path)
  }
}

const rows = [
  { operation: 'create', error: 'EACCES', code: 'NO_PERMISSION' },
  { operation: 'write', error: 'ENOSPC', code: 'DISK_FULL' },
  { operation: 'write', error: 'EIO', code: 'DISK_IO' },
  { operation: 'sync', error: 'ENOSPC', code: 'DISK_FULL' },
  { operation: 'sync', error: 'EIO', code: 'DISK_IO' },
  { operation: 'close', error: 'EIO', code: 'DISK_IO' },
  { operation: 'syncDirectory', error: 'EIO', code: 'DISK_IO' }
] as const

for (const { operation, error, code } of rows) {
  test(`${error} at ${operation} of the journal leaves the old version, and a retry works`, async (t) => {
    const folder = await temporaryFolder(t)
    const { feed, writer } = await openPublisher(t, join(folder, 'p'))
    const changes = (value: string) => ({ put: [{ path: '/t', bytes: text(value) }], remove: [] })
    await writer.publish(changes('1'))
    const before = await feed.heads()
    const broken = await openWriter(feed, failing(operation, error))
    await assert.rejects(broken.publish(changes('2')), (thrown) => asChasquiError(thrown).code === code)
    assert.deepEqual(await feed.heads(), before)
    assert.equal(await realFileSystem.stat(join(feed.store.directory, 'publish.journal')), null)
    await writer.publish(changes('3'))
    assert.deepEqual(await (await feed.snapshot())?.read('/t', { limit: 9 }), text('3'))
    await closeFeed(feed)
  })
}
