// `adopt`: which published release is it that is already installed? The folder as it is may be one exactly; else the file
// lists of published releases, read out of their packs, are compared with it.
import { join } from 'node:path'
import { z } from 'zod'
import { parseArguments } from '../../src/control/arguments.ts'
import type { Command, CommandContext } from '../../src/control/commands.ts'
import { ChasquiError } from '../../src/errors.ts'
import { openChain } from '../../src/pack/apply.ts'
import type { Manifest } from '../../src/release/manifest.ts'
import type { Release } from '../../src/release/release.ts'
import { ensureDirectory } from '../../src/system/durable.ts'
import { realFileSystem } from '../../src/system/real-file-system.ts'
import { type Candidate, candidateOf, exactly, modulesHere } from '../adoption.ts'
import type { NodeApp } from '../app.ts'
import type { AppConfig } from '../config/apps.ts'
import { announceReport } from '../report.ts'
import { openRoute, routeTo } from '../stager.ts'
import type { FleetView } from '../trust-keeper.ts'
import { appName, appsOf } from './args.ts'

const adoptArgs = z.strictObject({ app: appName, dryRun: z.boolean().default(false) })

/** Releases whose lists are read per module, newest first. */
const DEPTH = 20

export const adopt: Command<NodeApp> = async (app, args, context) => {
  const { app: name, dryRun } = parseArguments(adoptArgs, args)
  const view = await app.refresh()
  if (view === null) {
    throw new ChasquiError('FEED_EMPTY', 'nothing of the feed is on this machine yet', {
      hint: 'start "chasqui node run" where a peer can be reached, or import a stick'
    })
  }
  const apps = []
  for (const config of appsOf(app, name)) {
    const candidates = await candidatesOf(app, view, config, context)
    const adopted = await app.inTurn(() => app.engine.adopt({ app: config, candidates, isDryRun: dryRun }))
    apps.push({ app: config.name, modules: adopted })
  }
  if (!dryRun) await announceReport(app)
  app.events.emit('changed')
  return { apps }
}

async function candidatesOf(
  app: NodeApp,
  view: FleetView,
  config: AppConfig,
  context: CommandContext
): Promise<Candidate[]> {
  const candidates: Candidate[] = []
  for (const found of await modulesHere(app, view, config)) {
    const same = await exactly(config, found)
    candidates.push(...(same === null ? await published(app, view, found.releases, context) : [same]))
  }
  return candidates
}

/** Every release whose list can be read. */
async function published(
  app: NodeApp,
  view: FleetView,
  releases: readonly Release[],
  context: CommandContext
): Promise<Candidate[]> {
  const found: Candidate[] = []
  for (const release of releases.slice(0, DEPTH)) {
    const list = await publishedList(app, view, releases, release, context)
    if (list !== null) found.push(candidateOf(release, list))
  }
  return found
}

/** The file list of a release, decoded from its packs; null when they are not here and nobody has them. */
async function publishedList(
  app: NodeApp,
  view: FleetView,
  releases: readonly Release[],
  release: Release,
  context: CommandContext
): Promise<Manifest | null> {
  const route = await routeTo(view.snapshot, releases, null, release.version)
  if (route === null) return null
  await ensureDirectory(realFileSystem, app.paths.staging, 0o700)
  const into = join(app.paths.staging, `adopt-${release.module}`)
  try {
    const fetch = (paths: string[]) => app.fetcher.fetch(paths, { signal: context.signal })
    const steps = await openRoute(view.snapshot, route, fetch)
    const chain = await openChain({ fs: realFileSystem, steps, base: null, into })
    try {
      return chain.base?.manifest ?? null
    } finally {
      await chain.close()
    }
  } catch (error) {
    if (error instanceof ChasquiError && /^(PLAN_NOT_HERE|LINKS_PAUSED)$/.test(error.code)) return null
    throw error
  }
}
