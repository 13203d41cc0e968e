import assert from 'node:assert/strict'
import { readdir } from 'node:fs/promises'
import { join } from 'node:path'
import { test } from 'node:test'
import { asChasquiError } from '../../src/errors.ts'
import { manifestRoot, parseManifest } from '../../src/release/manifest.ts'
import { encodeRelease, parseRelease } from '../../src/release/release.ts'
import { temporaryFolder } from '../pack/fixtures.ts'
import { readPack, rootOf } from './pack-reader.ts'
import { readVectors } from './read-vectors.ts'
import {
  applyVector,
  type ManifestVector,
  type PackVector,
  type ReleaseVector,
  readVectorTree
} from './vectors.ts'

async function outcome(run: () => unknown): Promise<string> {
  try {
    await run()
    return 'accepted'
  } catch (error) {
    return asChasquiError(error).code
  }
}

test('manifest vectors', async () => {
  for (const { comment, text, expect, root } of readVectors<ManifestVector>('manifest')) {
    const bytes = Buffer.from(text)
    assert.equal(await outcome(() => parseManifest(bytes)), expect, comment)
    if (root !== undefined) assert.equal(manifestRoot(parseManifest(bytes)), root, comment)
  }
})

test('release vectors', async () => {
  for (const { comment, text, expect, encoded } of readVectors<ReleaseVector>('release')) {
    const bytes = Buffer.from(text)
    assert.equal(await outcome(() => parseRelease(bytes)), expect, comment)
    if (encoded === undefined) continue
    assert.equal(Buffer.from(encodeRelease(parseRelease(bytes))).toString(), encoded, comment)
  }
})

test('pack vectors, by the reader of Chasqui and by the independent one', async (context) => {
  const folder = await temporaryFolder(context)
  for (const [i, vector] of readVectors<PackVector>('pack').entries()) {
    const { comment, base, tree, files, pack, expect } = vector
    const here = join(folder, String(i))
    assert.equal(await outcome(() => applyVector(vector, here)), expect, comment)
    if (expect !== 'accepted') {
      assert.deepEqual(await readdir(here), base === null ? [] : ['base'], `${comment}: nothing is left`)
      continue
    }
    const old = base === null ? null : readVectorTree(base)
    const entries = readPack(Buffer.from(pack, 'base64'), old)
    assert.deepEqual(entries, readVectorTree(tree as string), comment)
    assert.equal(rootOf(entries), files.root, comment)
  }
})
