// Small trees on disk for the tests of packs, and the whole way from two trees to an applied pack.
import { createHash } from 'node:crypto'
import { chmod, mkdir, mkdtemp, readFile, rm, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import type { TestContext } from 'node:test'
import { type ApplyPacksRequest, applyPacks, type PackBase, type PackStep } from '../../src/pack/apply.ts'
import { folderContents } from '../../src/pack/content.ts'
import { encodePack, type PackTree } from '../../src/pack/encode.ts'
import { bytesSource } from '../../src/pack/layout.ts'
import { readTree, type Tree } from '../../src/pack/tree.ts'
import { type Manifest, manifestBytes, manifestRoot } from '../../src/release/manifest.ts'
import { realFileSystem } from '../../src/system/real-file-system.ts'

export interface TestFile {
  content: string | Uint8Array
  executable?: boolean
  link?: boolean
}

export type TestFiles = Record<string, TestFile | string | Uint8Array>

/** A temporary folder that goes away with the test. */
export async function temporaryFolder(context: TestContext): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'chasqui-pack-'))
  context.after(() => rm(folder, { recursive: true, force: true }))
  return folder
}

export async function writeTree(root: string, files: TestFiles): Promise<void> {
  await mkdir(root, { recursive: true })
  for (const [path, given] of Object.entries(files)) {
    const file = typeof given === 'string' || given instanceof Uint8Array ? { content: given } : given
    const native = join(root, path)
    await mkdir(dirname(native), { recursive: true })
    if (file.link === true) await symlink(String(file.content), native)
    else {
      await writeFile(native, file.content)
      await chmod(native, file.executable === true ? 0o755 : 0o644)
    }
  }
}

export async function makeTree(root: string, files: TestFiles): Promise<Tree> {
  await writeTree(root, files)
  return readTree(realFileSystem, root)
}

export interface MadePack {
  bytes: Uint8Array
  step: PackStep
}

/** A pack in memory, with what a signed release would say about it. */
export async function makePack(
  output: string,
  target: PackTree,
  base: PackTree | null = null
): Promise<MadePack> {
  await encodePack({ target, base, output })
  const bytes = await readFile(output)
  return { bytes, step: stepOf(bytes, target.manifest) }
}

export function stepOf(bytes: Uint8Array, manifest: Manifest): PackStep {
  return {
    source: bytesSource(bytes),
    pack: { sha256: createHash('sha256').update(bytes).digest('hex'), bytes: bytes.length },
    files: { root: manifestRoot(manifest), count: manifest.entries.length, bytes: manifestBytes(manifest) },
    kind: 'directory'
  }
}

export function baseOf(tree: Tree): PackBase {
  return { manifest: tree.manifest, contents: folderContents(realFileSystem, tree.root) }
}

export function apply(request: Omit<ApplyPacksRequest, 'fs' | 'sync'>): Promise<Manifest> {
  return applyPacks({ fs: realFileSystem, sync: false, ...request })
}

/** Repeatable bytes that do not compress. */
export function noise(length: number, seed = 1): Buffer {
  const bytes = Buffer.alloc(length)
  let state = seed * 2654435761 + 1
  for (let i = 0; i < length; i++) {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0
    bytes[i] = state >>> 24
  }
  return bytes
}
