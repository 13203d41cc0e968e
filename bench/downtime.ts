// npm run bench:downtime: what Chasqui adds to the time between stop and start, for a module of 10,455 small files and for one
// with a program of 98 MB: real file system, real journal, real programs. Prints a table with what the time was spent on.
import { createHash, randomBytes } from 'node:crypto'
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { availableParallelism, loadavg, tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { createEngine } from '../node/apply/engine.ts'
import { systemClock, systemHttp } from '../node/apply/real-parts.ts'
import { appsSchema } from '../node/config/apps.ts'
import { formatDuration, formatTable } from '../src/cli/output.ts'
import { type FileEntry, makeManifest, manifestBytes, manifestRoot } from '../src/release/manifest.ts'
import type { Release } from '../src/release/release.ts'
import { silentLog } from '../src/system/log.ts'
import { realProcessRunner } from '../src/system/process.ts'
import { realFileSystem } from '../src/system/real-file-system.ts'
import { openState } from '../src/system/state.ts'
import { DownClock, KINDS, type Kind } from './lib/down-clock.ts'

type Files = ReadonlyMap<string, Buffer>

const GOAL = 500 // milliseconds
const ROUNDS = Number(process.env.CHASQUI_ROUNDS ?? 3)
const AT_ONCE = 16 // files

/** About 5 kB each, as icons are; every 20th differs between two versions. */
function smallFiles(count: number, version: number): Files {
  const files = new Map<string, Buffer>()
  for (let index = 0; index < count; index++) {
    const text = `icon ${index}${index % 20 === 0 ? ` of version ${version}` : ''}\n`.repeat(400)
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
  const queue = [...files]
  const work = async () => {
    for (let next = queue.pop(); next !== undefined; next = queue.pop()) {
      await writeFile(join(root, next[0]), next[1])
    }
  }
  await Promise.all(Array.from({ length: AT_ONCE }, work))
}

function manifestOf(files: Files) {
  const entries = [...files].map(([path, bytes]): FileEntry => {
    const sha256 = createHash('sha256').update(bytes).digest('hex')
    return { path, kind: 'file', size: bytes.length, executable: false, sha256 }
  })
  return makeManifest(entries)
}

interface Round {
  /** milliseconds: the downtime without the application's own programs */
  added: number
  /** milliseconds from the request to its end */
  whole: number
  spent: Map<Kind, number>
}

async function measure(filesOf: (version: number) => Files, kind: 'directory' | 'overlay'): Promise<Round[]> {
  const root = await mkdtemp(join(tmpdir(), 'chasqui-downtime-'))
  const state = await openState(join(root, 'state'))
  const clock = new DownClock()
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
    fs: clock.fileSystem(realFileSystem),
    runner: clock.runner(realProcessRunner),
    state: clock.state(state),
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
  const rounds: Round[] = []
  try {
    for (let version = 1; version <= ROUNDS + 1; version++) {
      const release = releaseOf(version, filesOf(version), kind)
      const from = version === 1 ? null : `${version - 1}.0.0`
      clock.take()
      const startedAt = performance.now()
      const { result, error, downtime } = await engine.apply({
        app: shop,
        releases: [{ module: 'shop', track: 'default', from, to: release.version, release }]
      })
      const whole = performance.now() - startedAt
      if (result !== 'committed' || downtime === undefined) throw new Error(JSON.stringify(error))
      const spent = clock.take()
      const added = downtime - (spent.get('programs') ?? 0)
      if (version > 1) rounds.push({ added, whole, spent })
    }
  } finally {
    await state.close()
    await rm(root, { recursive: true, force: true })
  }
  return rounds
}

function releaseOf(version: number, files: Files, kind: 'directory' | 'overlay'): Release {
  const manifest = manifestOf(files)
  return {
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
}

function median(values: number[]): number {
  return [...values].sort((a, b) => a - b)[Math.floor(values.length / 2)] ?? 0
}

function row(name: string, rounds: Round[]): string[] {
  const added = rounds.map((one) => one.added)
  const kinds = KINDS.filter((kind) => kind !== 'programs')
  const parts = kinds.map((kind) => median(rounds.map(({ spent }) => spent.get(kind) ?? 0)))
  const rest = median(added) - parts.reduce((sum, one) => sum + one, 0)
  return [
    name,
    formatDuration(median(added)),
    formatDuration(Math.max(...added)),
    median(added) <= GOAL ? 'met' : 'MISSED',
    ...[...parts, rest].map((ms) => `${Math.round(ms)}`),
    formatDuration(median(rounds.map(({ whole }) => whole)))
  ]
}

const CASES = [
  ['10,455 files', (version: number) => smallFiles(10_455, version)],
  ['98 MB program', largeFile]
] as const

const kinds = KINDS.filter((kind) => kind !== 'programs')
const table = [
  [
    'what',
    'added',
    'worst',
    `goal ${GOAL} ms`,
    ...kinds.map((kind) => `${kind} ms`),
    'rest ms',
    'whole apply'
  ]
]
for (const [name, filesOf] of CASES) {
  for (const kind of ['directory', 'overlay'] as const) {
    table.push(row(`${name}, ${kind}`, await measure(filesOf, kind)))
  }
}
console.log(`downtime that Chasqui adds to the application's own stop and start: median of ${ROUNDS} updates`)
console.log(`${availableParallelism()} processors, load ${(loadavg()[0] ?? 0).toFixed(1)}`)
console.log(formatTable(table))
