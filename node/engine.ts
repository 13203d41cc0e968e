// The apply engine of an opened node: its releases come out of the node's feed, over links when they are not here.
import { randomBytes } from 'node:crypto'
import { ChasquiError } from '../src/errors.ts'
import { realProcessRunner } from '../src/system/process.ts'
import { realFileSystem } from '../src/system/real-file-system.ts'
import type { NodeApp } from './app.ts'
import { createEngine } from './apply/engine.ts'
import { systemClock, systemHttp } from './apply/real-parts.ts'
import type { Engine } from './apply/types.ts'
import { platforms } from './planner.ts'
import { createStager } from './stager.ts'

export function createNodeEngine(app: NodeApp): Engine {
  const { tools } = app
  const fs = tools.fs ?? realFileSystem
  return createEngine({
    fs,
    runner: tools.runner ?? realProcessRunner,
    state: app.state,
    clock: { ...systemClock, now: () => app.now() },
    random: (length) => randomBytes(length),
    log: app.log,
    http: systemHttp,
    stage: createStager({
      fs,
      log: app.log,
      view: (module, track) => stagingView(app, module, track),
      fetch: (paths) => app.fetcher.fetch(paths, { signal: app.stopped })
    }),
    platform: process.platform,
    platforms: platforms(process.platform, process.arch),
    environment: process.env,
    home: app.paths.root
  })
}

async function stagingView(app: NodeApp, module: string, track: string) {
  const view = await app.refresh()
  if (view === null) throw new ChasquiError('FEED_EMPTY', 'nothing of the feed is on this machine yet')
  const catalog = await app.catalog(view, [module])
  return { snapshot: view.snapshot, releases: catalog.releases(module, track) }
}
