// One measured step in a process of its own, so that its peak memory is its own. Prints one JSON line.
//   encode OUTPUT TARGET [BASE] · apply PACK INTO TARGET [BASE]
import { readFileSync } from 'node:fs'
import { rm } from 'node:fs/promises'
import { applyPacks } from '../../src/pack/apply.ts'
import { encodePack } from '../../src/pack/encode.ts'
import { hashFile } from '../../src/pack/hash-file.ts'
import { checkPackBytes } from '../../src/pack/layout.ts'
import { readTree } from '../../src/pack/tree.ts'
import { encodeManifest, manifestBytes, manifestRoot, parseManifest } from '../../src/release/manifest.ts'
import { realFileSystem } from '../../src/system/real-file-system.ts'

const [mode, ...args] = process.argv.slice(2)
const result = mode === 'encode' ? await encode(args) : await apply(args)
console.log(JSON.stringify({ ...result, rss: peakMemory() }))

/** Bytes. Linux counts the parent's memory before exec into maxRSS; VmHWM is this program's alone. */
function peakMemory(): number {
  if (process.platform !== 'linux') return process.resourceUsage().maxRSS * 1024
  return Number(/VmHWM:\s+(\d+) kB/.exec(readFileSync('/proc/self/status', 'utf8'))?.[1]) * 1024
}

/** As a publisher does it: the new folder is read, the old release is read from where it lies. */
async function encode([output = '', target = '', base]: string[]) {
  const old = base === undefined ? null : await readTree(realFileSystem, base)
  await rm(output, { force: true })
  const started = performance.now()
  const tree = await readTree(realFileSystem, target)
  const packed = await encodePack({ target: tree, base: old, output })
  return { ms: performance.now() - started, bytes: packed.bytes }
}

/** As a node does it: verify the pack, build the new tree beside the old one, wait for the disk, read it again. */
async function apply([path = '', into = '', target = '', base]: string[]) {
  const { manifest } = await readTree(realFileSystem, target)
  const old = base === undefined ? null : await readTree(realFileSystem, base)
  const identity = await hashFile(realFileSystem, path, 0)
  const reader = await realFileSystem.openFile(path)
  const source = { size: identity.size, read: reader.read }
  const pack = { sha256: identity.sha256, bytes: identity.size }
  await checkPackBytes(source, pack)
  const files = {
    root: manifestRoot(manifest),
    count: manifest.entries.length,
    bytes: manifestBytes(manifest)
  }
  await rm(into, { recursive: true, force: true })
  const started = performance.now()
  const known = old === null ? null : { ...old, manifest: parseManifest(encodeManifest(old.manifest)) }
  await applyPacks({
    fs: realFileSystem,
    steps: [{ source, pack, files, kind: 'directory' }],
    base: known,
    into
  })
  const ms = performance.now() - started
  await reader.close()
  const again = await readTree(realFileSystem, into)
  if (manifestRoot(again.manifest) !== files.root)
    throw new Error('the applied tree is not the published one')
  await rm(into, { recursive: true })
  return { ms, bytes: identity.size }
}
