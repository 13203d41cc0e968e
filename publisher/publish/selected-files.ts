// A small fix on top of the last release (--files): the named files come from the folder, everything else stays as it was
// published. A named file that is no longer in the folder is deleted. The file that says the new version comes along unasked:
// a release whose own __manifest__.py says the old one would run no migration in Odoo.
import picomatch from 'picomatch'
import { ChasquiError } from '../../src/errors.ts'
import type { ContentSource } from '../../src/pack/content.ts'
import type { Tree } from '../../src/pack/tree.ts'
import { type Manifest, makeManifest } from '../../src/release/manifest.ts'
import { newestRelease } from '../../src/release/plan.ts'
import type { Release } from '../../src/release/release.ts'
import type { PublisherApp } from '../app.ts'
import { openRelease } from '../catalog.ts'
import type { FleetView } from '../fleet-keeper.ts'

export interface SelectedTree {
  manifest: Manifest
  contents: ContentSource
  close(): Promise<void>
}

/** `namedBy`: the file of the folder that says which version it is. Throws FILES_NO_BASE, FILES_NO_MATCH. */
export async function withSelectedFiles(
  app: PublisherApp,
  view: FleetView,
  releases: readonly Release[],
  tree: Tree,
  globs: readonly string[],
  namedBy: string | null
): Promise<SelectedTree> {
  const last = newestRelease(releases)
  if (last === null) {
    throw new ChasquiError('FILES_NO_BASE', 'there is no earlier release that --files could build on', {
      hint: 'publish the whole folder first'
    })
  }
  const isNamed = picomatch([...globs], { dot: true })
  const isSelected = (path: string) => path === namedBy || isNamed(path)
  const { base, close } = await openRelease(app, view, releases, last.version)
  const kept = base.manifest.entries.filter(({ path }) => !isSelected(path))
  const fresh = tree.manifest.entries.filter(({ path }) => isSelected(path))
  if (![...base.manifest.entries, ...fresh].some(({ path }) => isNamed(path))) {
    await close()
    throw new ChasquiError('FILES_NO_MATCH', `no file matches ${globs.join(', ')}`, {
      hint: 'the patterns are relative to the folder: --files "static/**"'
    })
  }
  const sourceOf = (path: string) => (isSelected(path) ? tree.contents : base.contents)
  return {
    manifest: makeManifest([...kept, ...fresh]),
    contents: {
      read: (entry, offset, length) => sourceOf(entry.path).read(entry, offset, length),
      pathOf: (entry) => sourceOf(entry.path).pathOf(entry)
    },
    close
  }
}
