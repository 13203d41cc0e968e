// Takes over what is already installed: finds, per module, the published release whose files are there, so that the first
// update is a delta and local changes are known by name. Changes nothing on the disk.
import type { Manifest } from '../../src/release/manifest.ts'
import { manifestRoot } from '../../src/release/manifest.ts'
import { formatTime } from '../../src/trust/bytes.ts'
import { livePlace } from './layout.ts'
import type { EngineParts } from './parts.ts'
import { createRecords, KEYS, manifestText } from './records.ts'
import { differences } from './tree.ts'
import type { AdoptedModule, AdoptRequest, InstalledModule } from './types.ts'
import { globMatcher } from './work.ts'

/** Below this share of equal files it is something else that happens to have the same name. */
const ENOUGH = 0.5

type Candidate = AdoptRequest['candidates'][number]
interface Match {
  candidate: Candidate
  adopted: AdoptedModule
}

/** What was recognised. Modules that are recorded as installed already are left alone. */
export async function adopt(parts: EngineParts, request: AdoptRequest): Promise<AdoptedModule[]> {
  const records = createRecords(parts.state)
  const known = new Set((await records.installed(request.app.name)).map((one) => one.module))
  const byModule = Map.groupBy(request.candidates, (one) => one.module)
  const found: Match[] = []
  for (const [module, candidates] of byModule) {
    if (known.has(module)) continue
    const best = await bestMatch(parts, request, candidates)
    if (best !== null) found.push(best)
  }
  if (request.isDryRun !== true && found.length > 0) await parts.state.put(recordsOf(parts, request, found))
  return found.map((one) => one.adopted)
}

/** The first candidate with the largest share of equal files; they come newest first. */
async function bestMatch(
  parts: EngineParts,
  request: AdoptRequest,
  candidates: readonly Candidate[]
): Promise<Match | null> {
  let best: Match | null = null
  for (const candidate of candidates) {
    const adopted = await compare(parts, request, candidate)
    if (adopted.match >= ENOUGH && adopted.match > (best?.adopted.match ?? 0)) best = { candidate, adopted }
    if (adopted.match === 1) break
  }
  return best
}

async function compare(
  parts: EngineParts,
  { app }: AdoptRequest,
  candidate: Candidate
): Promise<AdoptedModule> {
  const { module, track, version, manifest } = candidate
  const live = livePlace(app, module)
  const { changed, missing } = await differences(parts.fs, live, manifest, parts.platform !== 'win32')
  const isKept = globMatcher(app.keep, module)
  const match = shareOf(manifest, changed.length + missing.length)
  const drift = {
    module,
    changed: changed.filter((path) => !isKept(path)),
    missing: missing.filter((path) => !isKept(path)),
    kept: [],
    superseded: []
  }
  return { module, track, version, match, drift }
}

function shareOf(manifest: Manifest, different: number): number {
  return manifest.entries.length === 0 ? 0 : 1 - different / manifest.entries.length
}

function recordsOf(
  parts: EngineParts,
  { app }: AdoptRequest,
  found: readonly Match[]
): Record<string, unknown> {
  const changes: Record<string, unknown> = {}
  for (const { candidate } of found) {
    const { module, track, version, kind, manifest } = candidate
    const installed: InstalledModule = {
      module,
      track,
      version,
      kind,
      root: manifestRoot(manifest),
      live: livePlace(app, module),
      installedAt: formatTime(parts.clock.now()),
      by: 'adopted'
    }
    changes[KEYS.installed(app.name, module)] = installed
    changes[KEYS.manifest(app.name, module)] = manifestText(manifest)
  }
  return changes
}
