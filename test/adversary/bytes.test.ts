import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseManifest } from '../../src/release/manifest.ts'
import { parseRelease } from '../../src/release/release.ts'
import { readVectors } from '../independent/read-vectors.ts'
import {
  applyVector,
  type ManifestVector,
  type PackVector,
  type ReleaseVector,
  type Vector
} from '../independent/vectors.ts'
import { type AttackCase, attack } from './table.ts'

/** The vectors that are refused, as attacks. */
function refused<Kind extends Vector>(kind: string, run: (vector: Kind) => unknown): AttackCase[] {
  return readVectors<Kind>(kind)
    .filter(({ expect }) => expect !== 'accepted')
    .map((vector) => ({ name: vector.comment, code: vector.expect, run: () => run(vector) }))
}

async function applyAside(vector: PackVector): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), 'chasqui-adversary-'))
  try {
    await applyVector(vector, join(folder, 'branch'))
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
}

const manifests = refused<ManifestVector>('manifest', ({ text }) => parseManifest(Buffer.from(text)))
const releases = refused<ReleaseVector>('release', ({ text }) => parseRelease(Buffer.from(text)))
const packs = refused<PackVector>('pack', applyAside)

attack('file list that is not clean', manifests)
attack('release.json that breaks the format', releases)
attack('hostile or damaged pack', packs)
