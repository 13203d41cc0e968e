// The releases that the trust metadata vouches for, read from one version of the feed: parsed once, by hash. A release
// whose file is damaged or missing is left out and named; the others are not affected.
import { ChasquiError } from '../src/errors.ts'
import { readRelease } from '../src/feed/signed-files.ts'
import type { Release } from '../src/release/release.ts'
import type { ReleaseTarget } from '../src/trust/trust.ts'
import type { FleetView } from './trust-keeper.ts'

export interface Catalog {
  /** Verified releases of a module and track, in no particular order; load the module first. */
  releases(module: string, track: string): readonly Release[]
  /** releases that were left out, with the reason */
  readonly refused: readonly ChasquiError[]
}

/** Remembers parsed releases by hash, so that a daemon reads each release.json once. */
export class ReleaseCache {
  readonly #byHash = new Map<string, Release>()

  /** Reads every release of the modules. Throws TUF_* when the metadata of a module cannot be trusted. */
  async load(view: FleetView, modules: Iterable<string>): Promise<Catalog> {
    const byTrack = new Map<string, Release[]>()
    const refused: ChasquiError[] = []
    for (const module of new Set(modules)) {
      for (const target of await view.trust.listReleases(module)) {
        const release = await this.#read(view, target).catch((error: unknown) => {
          if (error instanceof ChasquiError) refused.push(error)
          else throw error
          return null
        })
        if (release === null) continue
        const key = `${module}/${target.track}`
        byTrack.set(key, [...(byTrack.get(key) ?? []), release])
      }
    }
    return { refused, releases: (module, track) => byTrack.get(`${module}/${track}`) ?? [] }
  }

  async #read(view: FleetView, target: ReleaseTarget): Promise<Release> {
    const known = this.#byHash.get(target.sha256)
    if (known !== undefined) return known
    const release = await readRelease(view.snapshot, target)
    requireName(release, target)
    this.#byHash.set(target.sha256, release)
    return release
  }
}

/** A release must say itself what its signed path says: one module's release is never another's. */
function requireName(release: Release, target: ReleaseTarget): void {
  const { module, track, version } = target
  if (release.module === module && release.track === track && release.version === version) return
  throw new ChasquiError('RELEASE_INVALID', `${target.path} describes ${release.module}@${release.version}`)
}
