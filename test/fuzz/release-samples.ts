// Real files of releases; packs as a whole are fuzzed beside their own tests (test/pack/fuzz.test.ts).
import { bytesSource, readIndex } from '../../src/pack/layout.ts'
import { PACK_LIMITS } from '../../src/pack/limits.ts'
import { parseManifest } from '../../src/release/manifest.ts'
import { parseRelease } from '../../src/release/release.ts'
import { readVectors } from '../independent/read-vectors.ts'
import { jsonSample, type Sample } from './sample.ts'

/** A vector that is accepted, by its comment. */
function accepted<T>(format: string, comment: string): T {
  const found = readVectors<T>(format).find((vector) => vector.comment === comment)
  if (found === undefined) throw new Error(`no vector "${comment}" of ${format}`)
  return found
}

export function releaseSamples(): Sample[] {
  const release = Buffer.from(accepted<{ text: string }>('release', 'everything').text)
  const manifest = Buffer.from(accepted<{ text: string }>('manifest', 'one of each kind').text)
  const pack = Buffer.from(accepted<{ pack: string }>('pack', 'a full pack').pack, 'base64')
  return [
    jsonSample('release.json', release, parseRelease),
    { name: 'manifest', real: manifest, parse: parseManifest },
    { name: 'pack', real: pack, parse: (bytes) => readIndex(bytesSource(bytes), null, PACK_LIMITS) }
  ]
}
