// What the vectors of releases hold, and the reader of Chasqui run on a pack.
import { mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import { bytesSource } from '../../src/pack/layout.ts'
import type { Manifest } from '../../src/release/manifest.ts'
import { apply, baseOf, makeTree, type TestFiles } from '../pack/fixtures.ts'
import type { Entries } from './pack-reader.ts'
import { readVector } from './read-vectors.ts'

export interface Vector {
  comment: string
  /** 'accepted' or an error code */
  expect: string
}

export interface ManifestVector extends Vector {
  text: string
  root?: string
}

export interface ReleaseVector extends Vector {
  text: string
  encoded?: string
}

export interface PackVector extends Vector {
  base: string | null
  tree?: string
  files: { root: string; count: number; bytes: number }
  sha256: string
  /** base64 */
  pack: string
}

export function readVectorTree(name: string): Entries {
  const entries = readVector<{ path: string; kind: 'f' | 'x' | 'l'; content: string }[]>(
    `pack/trees/${name}.json`
  )
  return entries.map(({ path, kind, content }) => ({ path, kind, content: Buffer.from(content, 'base64') }))
}

/** Applies the pack of a vector in `folder`, as a node would. */
export async function applyVector(vector: PackVector, folder: string): Promise<Manifest> {
  const { base, files, sha256 } = vector
  const bytes = Buffer.from(vector.pack, 'base64')
  const step = {
    source: bytesSource(bytes),
    pack: { sha256, bytes: bytes.length },
    files,
    kind: 'directory' as const
  }
  await mkdir(folder)
  const old = base === null ? null : filesOf(readVectorTree(base))
  const known = old === null ? null : baseOf(await makeTree(join(folder, 'base'), old))
  return apply({ steps: [step], base: known, into: join(folder, 'out') })
}

function filesOf(entries: Entries): TestFiles {
  return Object.fromEntries(
    entries.map(({ path, kind, content }) => [
      path,
      { content, executable: kind === 'x', link: kind === 'l' }
    ])
  )
}
