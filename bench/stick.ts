// npm run bench:stick [-- --size MB] [--dir DIR]: packs onto a stick and into a branch, verified, beside cp + sync +
// sha256sum, rsync and ostree with the same bytes, in one run. Every way ends durable: Chasqui by its own fsyncs, the others with
// a sync of the machine. First the stick is a folder of the machine's disk, then a drive with a file system of the kernel, then
// drives with real file systems of sticks (FUSE), where they can be mounted. Exit status: 0 also when a goal is missed, 1 when a way that works there failed.
import { execFileSync, spawnSync } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { formatBytes, formatTable } from '../src/cli/output.ts'
import { openFeed } from '../src/feed/feed.ts'
import { feedKey } from '../src/feed/open.ts'
import { openStore } from '../src/feed/store.ts'
import { openWriter, startFeed } from '../src/feed/writer.ts'
import { realStickTools } from '../src/stick/commands.ts'
import type { StickHome } from '../src/stick/home.ts'
import { exportStick, importStick } from '../src/stick/round.ts'
import { stickFeed } from '../src/stick/stick-feed.ts'
import { realFileSystem } from '../src/system/real-file-system.ts'
import { keyPairOf } from '../src/trust/keys.ts'
import { newMedium, unavailable } from '../test/stick/media.ts'
import { ext4Drive } from './lib/ext4-drive.ts'

const PACK = 10_000_000 // bytes
const ROUNDS = 3 // the best of them counts: other work on the machine only ever adds time

const { values } = parseArgs({ options: { size: { type: 'string' }, dir: { type: 'string' } } })
const packs = Math.max(1, Math.round(Number(values.size ?? '150') / (PACK / 1e6)))
const root = mkdtempSync(join(values.dir ?? tmpdir(), 'chasqui-bench-'))
const fresh = (name: string) => {
  const path = join(root, name)
  rmSync(path, { recursive: true, force: true })
  mkdirSync(path)
  return path
}

interface Row {
  name: string
  /** milliseconds: onto the stick, off it; null when the tool is not here */
  out: number | null
  back: number | null
  checked?: number
  /** milliseconds of reading all of the stick again, which ostree leaves out by itself */
  fsck?: number
}

async function timed(work: () => unknown): Promise<number> {
  const startedAt = performance.now()
  await work()
  return performance.now() - startedAt
}

const run = (program: string, ...args: string[]) => execFileSync(program, args, { stdio: 'ignore' })
/** What was written and deleted before is not on the clock of what is timed next. */
const settle = () => run('sync')
const shell = (directory: string, command: string) => execFileSync('sh', ['-c', command], { cwd: directory })
const has = (program: string) => spawnSync(program, ['--version']).error === undefined

const tree = fresh('tree')
for (let n = 0; n < packs; n++) writeFileSync(join(tree, `pack-${n}`), randomBytes(PACK))
shell(tree, 'sha256sum pack-* > SHA256SUMS')
settle()

/** A feed that has the packs, and branches of it. */
const encryptionKey = randomBytes(32)
const keyPair = keyPairOf(randomBytes(32))
const context = { emit: () => undefined, signal: new AbortController().signal }

async function openHome(directory: string, writable: boolean) {
  const store = await openStore(directory)
  const key = feedKey(keyPair.publicKey)
  const feed = await openFeed(store, { key, encryptionKey, ...(writable && { keyPair }) })
  const home: StickHome = {
    role: writable ? 'publisher' : 'node',
    fleet: '00'.repeat(32),
    node: (writable ? '0a' : '0b').repeat(32),
    name: 'bench',
    feed: stickFeed(feed),
    roots: { list: async () => new Map(), offer: async () => 0 },
    records: { list: async () => [], offer: async () => 'known' },
    select: async () => ({ releases: [], blocks: [], branches: [] }),
    afterImport: async () => []
  }
  const close = async () => {
    await feed.close()
    await store.close()
  }
  return { home, feed, close }
}

/** Where the stick is; emptied before each use. */
type Place = () => string

async function chasqui(round: number, place: Place): Promise<Row> {
  const stick = place()
  const nothing = {
    filter: null,
    maxSize: null,
    keepWish: false,
    orders: [],
    installer: null,
    asFits: false,
    dryRun: false
  }
  const request = { ...nothing, stick, part: 1 }
  const branch = await openHome(fresh(`branch-${round}`), false)
  settle()
  // no sync of the machine: both end only when what they wrote survives a power cut
  const out = await timed(() => exportStick(publisher.home, request, realStickTools, context))
  let rejected = -1
  const back = await timed(async () => {
    rejected = (await importStick(branch.home, stick, realStickTools, context)).rejected.length
  })
  await branch.close()
  if (rejected !== 0) throw new Error('the stick was refused')
  return { name: 'chasqui: export, import (verified)', out, back }
}

/** `checked`: milliseconds of the way back with a check of what came to the branch. */
async function copy(_round: number, place: Place): Promise<Row> {
  const [stick, branch] = [place(), fresh('branch')]
  settle()
  const leg = (from: string, to: string) =>
    timed(() => {
      run('cp', '-r', from, to)
      run('sync')
    })
  const check = (at: string) => timed(() => shell(join(at, 'tree'), 'sha256sum --quiet -c SHA256SUMS'))
  const out = (await leg(tree, stick)) + (await check(stick))
  const back = await leg(join(stick, 'tree'), branch)
  const checked = back + (await check(branch))
  return { name: 'cp -r, sync, sha256sum -c; cp -r, sync', out, back, checked }
}

async function rsync(_round: number, place: Place): Promise<Row> {
  if (!has('rsync')) return { name: 'rsync: not installed', out: null, back: null }
  const [stick, branch] = [place(), fresh('branch')]
  settle()
  const leg = (from: string, to: string) =>
    timed(() => {
      run('rsync', '-a', '--checksum', `${from}/`, `${to}/`)
      run('sync')
    })
  return {
    name: 'rsync -a --checksum, sync, both ways',
    out: await leg(tree, stick),
    back: await leg(stick, branch)
  }
}

async function ostree(_round: number, place: Place): Promise<Row> {
  if (!has('ostree')) return { name: 'ostree: not installed', out: null, back: null }
  const repository = fresh('repository')
  const [stick, branch] = [place(), fresh('branch')]
  run('ostree', `--repo=${repository}`, 'init', '--mode=archive', '--collection-id=org.example.Bench')
  run('ostree', `--repo=${repository}`, 'commit', '--branch=main', tree)
  run('ostree', `--repo=${repository}`, 'summary', '--update')
  // on the drive the branch is kept as a mirrored ref: name the commit itself
  const commit = execFileSync('ostree', [`--repo=${repository}`, 'rev-parse', 'main'], {
    encoding: 'utf8'
  }).trim()
  run('ostree', `--repo=${branch}`, 'init', '--mode=bare-user')
  settle()
  const out = await timed(() => {
    run('ostree', `--repo=${repository}`, 'create-usb', stick, 'org.example.Bench', 'main')
    run('sync')
  })
  const fsck = await timed(() => run('ostree', 'fsck', '--quiet', `--repo=${join(stick, '.ostree', 'repo')}`))
  const back = await timed(() => {
    run('ostree', `--repo=${branch}`, 'pull-local', '--untrusted', join(stick, '.ostree', 'repo'), commit)
    run('sync')
  })
  return { name: 'ostree create-usb, pull-local --untrusted', out, back, fsck }
}

const best = (rows: Row[]): Row =>
  rows.reduce((a, b) => ((a.out ?? 0) + (a.back ?? 0) <= (b.out ?? 0) + (b.back ?? 0) ? a : b))

const publisher = await openHome(fresh('publisher'), true)
await startFeed(publisher.feed)
const writer = await openWriter(publisher.feed, realFileSystem)
const put = Array.from({ length: packs }, (_, n) => ({ path: `/packs/${n}`, file: join(tree, `pack-${n}`) }))
await writer.publish({ put, remove: [] })

const ms = (value: number | null) => (value === null ? '–' : `${Math.round(value)} ms`)
const total = ({ out, back }: Row) => (out === null || back === null ? null : out + back)

/** What cannot work with drives of that kind; anything else that fails fails the run. */
const MAY_FAIL = { folder: [], ext4: [], exfat: ['ostree'], ntfs: [] } as const
type Kind = keyof typeof MAY_FAIL

async function compare(title: string, kind: Kind, place: Place): Promise<void> {
  const rows: Row[] = []
  for (const way of [chasqui, copy, rsync, ostree]) {
    const tried: Row[] = []
    for (let round = 0; round < ROUNDS; round++) {
      try {
        tried.push(await way(round, place))
      } catch (error) {
        if (!(MAY_FAIL[kind] as readonly string[]).includes(way.name)) throw error
        tried.push({ name: `${way.name}: cannot work with this file system`, out: null, back: null })
      }
    }
    rows.push(best(tried))
  }
  console.log(`\n${formatBytes(packs * PACK)} in ${packs} packs, best of ${ROUNDS}; the stick is ${title}`)
  const lines = rows.map((row) => [row.name, ms(row.out), ms(row.back), ms(total(row))])
  console.log(formatTable([['', 'onto the stick', 'into the branch', 'together'], ...lines]))
  const [ours, copied, , tree] = rows as [Row, Row, Row, Row]
  report(ours, copied, tree)
}

function report(chasqui: Row, copied: Row, ostree: Row): void {
  const ostreeTotal = total(ostree)
  const ours = total(chasqui) ?? Number.NaN
  const out = copied.out ?? Number.NaN
  const both = out + (copied.checked ?? Number.NaN)
  const speed = (time: number | null, times = 1) => (times * packs * PACK * 1000) / (time ?? Number.NaN)
  const rate = speed(ours, 2)
  const goal = (isMet: boolean) => (isMet ? 'met' : 'MISSED')
  const lines = [
    `${(ours / out).toFixed(2)} × cp + sync + sha256sum -c onto the stick; goal ≤ 1.6: ${goal(ours / out <= 1.6)}`,
    `${(ours / both).toFixed(2)} × cp + sync + sha256sum -c onto the stick and into the branch (export and import verify both)`,
    ostreeTotal === null
      ? 'no ostree to compare with'
      : `${(ours / ostreeTotal).toFixed(2)} × ostree; goal < 1: ${goal(ours < ostreeTotal)}; ${(ours / (ostreeTotal + (ostree.fsck ?? 0))).toFixed(2)} × ostree with its fsck of the stick (${ms(ostree.fsck ?? null)}), which reads again as export does`,
    `${formatBytes(rate)}/s of payload (out ${formatBytes(speed(chasqui.out))}/s, in ${formatBytes(speed(chasqui.back))}/s); goal ≥ 150 MB/s: ${goal(rate >= 150e6)}`
  ]
  for (const line of lines) console.log(`export + import: ${line}`)
}

/** Empties the stick and gives its place. */
function emptied(place: string, kept: readonly string[] = []): string {
  for (const name of readdirSync(place).filter((name) => !kept.includes(name)))
    rmSync(join(place, name), { recursive: true, force: true })
  return place
}

await compare('a folder of this disk (ostree links, it does not copy)', 'folder', () => fresh('stick'))
const drive = ext4Drive(3 * packs * 10 + 64)
if (typeof drive === 'string') console.log(`no ext4 drive here: ${drive}`)
else {
  await compare('a drive with ext4 (kernel)', 'ext4', () => emptied(drive.place, ['lost+found']))
  drive.remove()
}
for (const kind of ['exfat', 'ntfs'] as const) {
  const reason = unavailable(kind)
  if (reason !== false) {
    console.log(`no ${kind} drive here: ${reason}`)
    continue
  }
  const cleanups: (() => Promise<void>)[] = []
  const medium = await newMedium({ after: (step) => cleanups.push(step) }, kind, 3 * packs * 10 + 64)
  await compare(`a drive with ${kind} (FUSE)`, kind, () => emptied(medium.place))
  for (const cleanup of cleanups) await cleanup()
}
await publisher.close()
rmSync(root, { recursive: true, force: true })
