// Opens a node's home: reads who it is, opens its state and its feed, and first ends what a power cut left behind in an app.
import { openFeed } from '../src/feed/feed.ts'
import { openStore } from '../src/feed/store.ts'
import { type HomePaths, readHome } from '../src/system/home.ts'
import { openState } from '../src/system/state.ts'
import { NodeApp, type NodeTools } from './app.ts'
import { loadNodeConfig } from './config/load.ts'
import { loadIdentity } from './identity.ts'

/** Opens the home; the caller holds its lock. Throws HOME_*, CONFIG_*, STORE_MOVED. */
export async function openNode(paths: HomePaths, tools: NodeTools): Promise<NodeApp> {
  const home = await readHome(paths, 'node')
  const config = await loadNodeConfig(paths.config, process.env)
  const identity = await loadIdentity(paths)
  const state = await openState(paths.state)
  const closing: (() => Promise<void>)[] = [() => state.close()]
  try {
    const store = await openStore(paths.store)
    closing.unshift(() => store.close())
    const { feedKey, feedEncryptionKey } = identity.access
    const feed = await openFeed(store, { key: feedKey, encryptionKey: feedEncryptionKey })
    closing.unshift(() => feed.close())
    const app = new NodeApp({ paths, home, identity, config, tools, state, store, feed })
    await app.trust.open()
    await app.sources.open()
    await app.presence.open()
    await app.internetUse.open()
    await app.linkPause.open()
    app.recovered = await app.engine.recover()
    await app.records.open()
    return app
  } catch (error) {
    for (const close of closing) await close().catch(() => undefined)
    throw error
  }
}
