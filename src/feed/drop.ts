// Gives back the room of a feed that the fleet has left: its blocks go, its two cores stay as empty names in the store.
import Hypercore from 'hypercore'
import Hyperdrive from 'hyperdrive'
import type { Store } from './store.ts'

/** Nobody may have the feed open. Does nothing for one that was never here. */
export async function dropFeed(store: Store, key: Uint8Array): Promise<void> {
  const db = store.cores.get({ key, allowFork: false })
  await db.ready()
  const manifest = db.manifest === null ? null : Hyperdrive.getContentManifest(db.manifest, db.key)
  try {
    if (manifest !== null) await clearCore(store, Hypercore.key(manifest), manifest)
    await db.clear(0, db.length)
  } finally {
    await db.close()
  }
  await store.reclaim()
}

async function clearCore(store: Store, key: Uint8Array, manifest: Hypercore.Manifest): Promise<void> {
  const core = store.cores.get({ key, manifest, allowFork: false })
  await core.ready()
  try {
    await core.clear(0, core.length)
  } finally {
    await core.close()
  }
}
