// A feed of 1,000 modules with about 20 releases each: what one more release costs on a real socket, besides its pack, and
// that a branch which starts again has its version without reading the feed anew.
import assert from 'node:assert/strict'
import { once } from 'node:events'
import { type AddressInfo, connect as connectTcp, createServer } from 'node:net'
import { join } from 'node:path'
import { test } from 'node:test'
import { setTimeout as delay } from 'node:timers/promises'
import NoiseSecretStream from '@hyperswarm/secret-stream'
import Protomux from 'protomux'
import { exchangeHeads } from '../../src/net/head-exchange.ts'
import { openBranch, usable } from '../feed/support.ts'
import { publishAll } from './large-fleet.ts'
import { makePublisher, temporaryFolder } from './support.ts'

const MODULES = 1000
const ROUNDS = 20
const UPDATE_BUDGET = 20_000 // bytes on the wire for one update, both ways

const modules = Array.from(
  { length: MODULES },
  (_, i) => `mod_${['pos', 'sale', 'stock', 'l10n'][i % 4]}_${i}`
)

/** Versions that differ from module to module. */
function versionIn(round: number) {
  return (module: string) => {
    const i = Number(module.split('_')[2])
    return `${1 + round}.${(i * 7919) % 97}.${(i * 31 + round) % 13}`
  }
}

test('one update in a large feed stays within its budget', async (t) => {
  const folder = await temporaryFolder(t)
  const app = await makePublisher(t, join(folder, 'home'))
  for (let round = 0; round < ROUNDS; round++) {
    const some = round === 0 ? modules : modules.filter((_, i) => (i * 7919 + round * 104_729) % 11 > 0)
    await publishAll(app, some, versionIn(round))
  }
  const identity = { encryptionKey: app.feed.identity.encryptionKey }
  const branch = await openBranch(t, join(folder, 'b'), app.feed.key, identity)
  const server = createServer((socket) => {
    const stream = new NoiseSecretStream(false, socket)
    stream.on('error', () => undefined)
    app.feed.replicate(stream)
    exchangeHeads(Protomux.from(stream), app.feed)
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const socket = connectTcp((server.address() as AddressInfo).port, '127.0.0.1')
  const stream = new NoiseSecretStream(true, socket)
  stream.on('error', () => undefined)
  branch.replicate(stream)
  exchangeHeads(Protomux.from(stream), branch)
  await usable(branch, app.feed.length().db)
  await delay(2000)
  const bytes = () => socket.bytesRead + socket.bytesWritten
  for (let i = 0; i < 3; i++) {
    const before = bytes()
    const version = await publishAll(app, [modules[i * 4] as string], () => `90.${i}.0`)
    await usable(branch, version)
    await delay(2000)
    const used = bytes() - before
    t.diagnostic(`update ${i}: ${used} bytes`)
    assert.ok(used <= UPDATE_BUDGET, `${used} bytes for one update`)
  }
  const version = (await branch.snapshot())?.version
  stream.destroy()
  server.close()
  await branch.close()
  await branch.store.close()
  const again = await openBranch(t, join(folder, 'b'), app.feed.key, identity)
  assert.equal((await again.snapshot())?.version, version)
  await again.close()
})
