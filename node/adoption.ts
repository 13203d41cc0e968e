// Is what lies in an app's folder a published release, file by file? Then it is taken over without asking: the first update
// knows what it replaces. Everything that is only nearly one waits for `node adopt`.
import { asChasquiError, ChasquiError } from '../src/errors.ts'
import { matchesAny } from '../src/fleet/pattern.ts'
import { readTree } from '../src/pack/tree.ts'
import { type Manifest, manifestRoot } from '../src/release/manifest.ts'
import type { Release } from '../src/release/release.ts'
import { compareVersions } from '../src/release/version.ts'
import { realFileSystem } from '../src/system/real-file-system.ts'
import type { NodeApp } from './app.ts'
import { livePlace } from './apply/layout.ts'
import type { AdoptRequest } from './apply/types.ts'
import { globMatcher } from './apply/work.ts'
import type { AppConfig } from './config/apps.ts'
import { createProfile } from './profiles/create.ts'
import type { FleetView } from './trust-keeper.ts'

export type Candidate = AdoptRequest['candidates'][number]

export interface FoundModule {
  module: string
  /** absolute */
  live: string
  /** of one track, newest first */
  releases: Release[]
}

/** The fleet's modules that an app follows and that have a folder here, once per track. */
export async function modulesHere(app: NodeApp, view: FleetView, config: AppConfig): Promise<FoundModule[]> {
  const targets = (await view.trust.listReleases()).filter((one) => matchesAny(config.modules, one.module))
  const catalog = await app.catalog(view, new Set(targets.map((one) => one.module)))
  const found = new Map<string, FoundModule>()
  for (const { module, track } of targets) {
    if (config.track.length > 0 && !config.track.includes(track)) continue
    const live = livePlace(config, module)
    if (found.has(`${module}/${track}`) || (await realFileSystem.stat(live))?.kind !== 'directory') continue
    const releases = [...catalog.releases(module, track)].sort((a, b) =>
      compareVersions(a.order, b.version, a.version)
    )
    found.set(`${module}/${track}`, { module, live, releases })
  }
  return [...found.values()]
}

/** The release that a folder is, beside what is kept and what can be made again; null: none. */
export async function exactly(
  config: AppConfig,
  { module, live, releases }: FoundModule
): Promise<Candidate | null> {
  const isKept = globMatcher(config.keep, module)
  const isDerived = globMatcher(createProfile(config).derived, module)
  try {
    const select = (path: string) => !isKept(path) && !isDerived(path)
    const { manifest } = await readTree(realFileSystem, live, { select })
    const root = manifestRoot(manifest)
    const same = releases.find((one) => one.files.root === root)
    return same === undefined ? null : candidateOf(same, manifest)
  } catch (error) {
    // links that lead out, names that no release may have: it is none
    if (error instanceof ChasquiError) return null
    throw error
  }
}

export function candidateOf({ module, track, version, kind }: Release, manifest: Manifest): Candidate {
  return { module, track, version, kind, manifest }
}

/** Remembers what was looked at, so that a folder that is no release is read once per version of the feed. */
export class ExactAdoption {
  readonly #app: NodeApp
  readonly #seen = new Map<string, number>()

  constructor(app: NodeApp) {
    this.#app = app
  }

  /** Takes over every module whose folder is exactly one release, and that is not recorded as installed. */
  async run(view: FleetView): Promise<void> {
    const { version } = view.snapshot
    for (const config of Object.values(this.#app.config.apps)) {
      const { name, path, modules, track, keep } = config
      const key = JSON.stringify([name, path, modules, track, keep])
      if (this.#seen.get(key) === version) continue
      try {
        await this.#adopt(view, config)
        this.#seen.set(key, version)
      } catch (error) {
        const { code, message } = asChasquiError(error)
        this.#app.log.warn({ app: name, code, message }, 'cannot tell what is installed')
      }
    }
  }

  async #adopt(view: FleetView, config: AppConfig): Promise<void> {
    const { engine, log } = this.#app
    const installed = new Set((await engine.installed(config.name)).map((one) => one.module))
    for (const found of await modulesHere(this.#app, view, config)) {
      if (installed.has(found.module)) continue
      const candidate = await exactly(config, found)
      if (candidate === null) continue
      await engine.adopt({ app: config, candidates: [candidate] })
      installed.add(found.module)
      log.info({ app: config.name, module: found.module, version: candidate.version }, 'adopted')
    }
  }
}
