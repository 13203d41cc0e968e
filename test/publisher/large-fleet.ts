// A feed of many releases, made without packing anything: release.json files and packs of a few random bytes, signed and
// appended in the publisher's own way.
import { randomBytes } from 'node:crypto'
import type { PublisherApp } from '../../publisher/app.ts'
import { commit } from '../../publisher/commit.ts'
import { openSigners } from '../../publisher/signing.ts'
import { CHANNELS_PATH, encodeChannels, withPointer } from '../../src/fleet/channels.ts'
import { encodeRelease, packPath, releasePath } from '../../src/release/release.ts'
import { addReleases, rolesToLoad } from '../../src/trust/author.ts'
import { formatTime, fromHex, sha256Hex } from '../../src/trust/bytes.ts'
import { currentOf } from '../../src/trust/current.ts'

/** Publishes a version of each of the `modules` as one step; returns the version of the feed. */
export async function publishAll(
  app: PublisherApp,
  modules: readonly string[],
  versionOf: (module: string) => string
): Promise<number> {
  const view = await app.fleet.view()
  const made = modules.map((module) => {
    const version = versionOf(module)
    const pack = randomBytes(300)
    const bytes = encodeRelease({
      schema: 1,
      module,
      track: 'default',
      version,
      order: 'semver',
      created: formatTime(app.now()),
      severity: 'normal',
      kind: 'directory',
      files: { root: sha256Hex(randomBytes(32)), count: 12, bytes: 34_567 },
      packs: [{ sha256: sha256Hex(pack), bytes: pack.length, kind: 'full' }]
    })
    return { module, track: 'default', version, bytes, pack }
  })
  const channels = made.reduce(
    (all, { module, track, version }) => withPointer(all, { channel: 'stable', module, track }, { version }),
    view.channels
  )
  const channelBytes = encodeChannels(channels)
  const release = (await app.keys.list()).filter(({ role }) => role === 'release')
  const publication = addReleases(
    await currentOf(view.trust, rolesToLoad(modules)),
    made,
    {
      newModules: { keys: release.map((key) => fromHex(key.public, 32) as Uint8Array), threshold: 1 },
      online: new Map([[CHANNELS_PATH, channelBytes]])
    },
    await openSigners(app, ['targets', 'release', 'online'], undefined),
    app.now()
  )
  return commit(app, publication, [
    ...made.flatMap(({ module, track, version, pack, bytes }) => [
      { path: `/${packPath(sha256Hex(pack))}`, bytes: pack },
      { path: `/${releasePath(module, track, version)}`, bytes }
    ]),
    { path: `/${CHANNELS_PATH}`, bytes: channelBytes }
  ])
}
