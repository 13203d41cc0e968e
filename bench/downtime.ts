// Downtime that Chasqui adds between stop and start, for a module of 10,455 small files and for one with a 98 MB file: real
// file system, real journal, real programs. Run: node bench/downtime.ts
import { createHash, randomBytes } from 'node:crypto'
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { createEngine } from '../node/apply/engine.ts'
import { systemClock, systemHttp } from '../node/apply/real.ts'
import { appsSchema } from '../node/config/apps.ts'
import { type FileEntry, makeManifest, manifestBytes, manifestRoot } from '../src/release/manifest.ts'
import type { Release } from '../src/release/release.ts'
import { realFileSystem } from '../src/system/file-system.ts'
import { silentLog } from '../src/system/log.ts'
import { type ProcessRunner, realProcessRunner } from '../src/system/process.ts'
import { openState } from '../src/system/state.ts'

type Files = ReadonlyMap<string, Buffer>

const GOAL = 500 // milliseconds
const ROUNDS = Number(process.env.CHASQUI_ROUNDS ?? 5)

/** `changed`: every so many files differ between two versions. */
function smallFiles(count: number, version: number): Files {
  const files = new Map<string, Buffer>()
  for (let index = 0; index < count; index++) {
    const text = `icon ${index}${index % 20 === 0 ? ` of version ${version}` : ''}\n`.repeat(40)
    files.set(`icons/${index % 50}/icon-${index}.svg`, Buffer.from(text))
  }
  return files
}

const executable = randomBytes(98 * 1024 * 1024)

function largeFile(version: number): Files {
  const copy = Buffer.from(executable)
  copy.write(`version ${version}`, 50 * 1024 * 1024)
  return new Map([
    ['bin/program', copy],
    ['version.txt', Buffer.from(`${version}`)]
  ])
}

async function write(root: string, files: Files): Promise<void> {
  const folders = new Set([...files.keys()].map((path) => dirname(join(root, path))))
  for (const folder of folders) await mkdir(folder, { recursive: true })
  for (const [path, bytes] of files) await writeFile(join(root, path), bytes)
}

function manifestOf(files: Files) {
  const entries = [...files].map(([path, bytes]): FileEntry => {
    const sha256 = createHash('sha256').update(bytes).digest('hex')
    return { path, kind: 'file', size: bytes.length, executable: false, sha256 }
  })
  return makeManifest(entries)
}

async function measure(name: string, filesOf: (version: number) => Files, kind: 'directory' | 'overlay') {
  const root = await mkdtemp(join(tmpdir(), 'chasqui-downtime-'))
  const state = await openState(join(root, 'state'))
  let own = 0 // milliseconds that the application's own programs took
  const runner: ProcessRunner = {
    ...realProcessRunner,
    async run(request) {
      const result = await realProcessRunner.run(request)
      own += result.duration
      return result
    }
  }
  const { shop } = appsSchema.parse({
    shop: {
      profile: 'generic',
      modules: ['shop'],
      path: join(root, 'app'),
      'backup-keep': 1,
      commands: { stop: ['true'], start: ['true'] }
    }
  })
  if (shop === undefined) throw new Error('no app')
  const engine = createEngine({
    fs: realFileSystem,
    runner,
    state,
    clock: systemClock,
    random: randomBytes,
    log: silentLog,
    http: systemHttp,
    async stage({ release }, into) {
      const files = filesOf(Number(release.version.split('.')[0]))
      await write(into, files)
      return manifestOf(files)
    },
    platform: process.platform,
    platforms: [],
    environment: process.env,
    home: root
  })
  const added: number[] = []
  const whole: number[] = []
  try {
    for (let version = 1; version <= ROUNDS + 1; version++) {
      const manifest = manifestOf(filesOf(version))
      const release: Release = {
        schema: 1,
        module: 'shop',
        track: 'default',
        version: `${version}.0.0`,
        order: 'semver',
        created: '2026-01-01T00:00:00Z',
        severity: 'normal',
        kind,
        files: {
          root: manifestRoot(manifest),
          count: manifest.entries.length,
          bytes: manifestBytes(manifest)
        },
        packs: [{ sha256: '0'.repeat(64), bytes: 1, kind: 'full' }]
      }
      const from = version === 1 ? null : `${version - 1}.0.0`
      own = 0
      const startedAt = performance.now()
      const result = await engine.apply({
        app: shop,
        releases: [{ module: 'shop', track: 'default', from, to: release.version, release }]
      })
      if (result.result !== 'committed') throw new Error(JSON.stringify(result.error))
      if (version === 1) continue
      added.push((result.downtime ?? 0) - own)
      whole.push(performance.now() - startedAt)
    }
  } finally {
    await state.close()
    await rm(root, { recursive: true, force: true })
  }
  const median = (values: number[]) => [...values].sort((a, b) => a - b)[Math.floor(values.length / 2)] ?? 0
  const verdict = median(added) <= GOAL ? 'within' : 'ABOVE'
  console.log(
    `${name}: added downtime median ${Math.round(median(added))} ms, worst ${Math.round(Math.max(...added))} ms ` +
      `(${verdict} the goal of ${GOAL} ms); whole apply median ${Math.round(median(whole))} ms`
  )
}

await measure('10,455 files, directory', (version) => smallFiles(10_455, version), 'directory')
await measure('10,455 files, overlay', (version) => smallFiles(10_455, version), 'overlay')
await measure('98 MB file, directory', largeFile, 'directory')
await measure('98 MB file, overlay', largeFile, 'overlay')
