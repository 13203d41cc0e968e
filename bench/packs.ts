// npm run bench:packs [-- icons js exe]: packs of real version pairs beside what else could carry them, in one run on one
// machine. Prints a table; bytes are stable, times are for comparison within a row group only.
import { execFileSync } from 'node:child_process'
import { join } from 'node:path'
import { formatBytes, formatDuration, formatTable } from '../src/cli/output.ts'
import { BENCH_FOLDER, type Corpus, fetchCorpora } from './lib/corpora.ts'
import { type Measured, mirrorHyperdrive, patchFrom, zip } from './lib/rivals.ts'
import { wholeWay } from './lib/whole-way.ts'

interface Row {
  what: string
  /** making the update */
  publish?: number | undefined
  update?: number | undefined
  cold?: number | undefined
  apply?: number | undefined
  /** bytes of memory at the peak */
  encoder?: number | undefined
  decoder?: number | undefined
}

interface Step extends Measured {
  rss: number
}

const CHILD = join(import.meta.dirname, 'lib', 'pack-child.ts')
const OUTPUT = join(BENCH_FOLDER, 'out')

function step(...args: string[]): Step {
  return JSON.parse(execFileSync(process.execPath, [CHILD, ...args], { encoding: 'utf8' })) as Step
}

async function chasqui({ before, after }: Corpus): Promise<Row> {
  const [delta, full, into] = [`${OUTPUT}.delta`, `${OUTPUT}.full`, `${OUTPUT}.tree`]
  const made = step('encode', delta, after, before)
  const cold = step('encode', full, after)
  const applied = step('apply', delta, into, after, before)
  step('apply', full, into, after)
  return {
    what: 'chasqui pack',
    publish: made.ms,
    update: made.bytes,
    cold: cold.bytes,
    apply: applied.ms,
    encoder: Math.max(made.rss, cold.rss),
    decoder: applied.rss
  }
}

async function rival(what: string, measure: Promise<Measured | null>, isCold: boolean): Promise<Row> {
  const found = await measure
  if (found === null) return { what: `${what}: skipped, the program is not here` }
  return { what, publish: found.ms, update: found.bytes, ...(isCold ? { cold: found.bytes } : {}) }
}

async function mirror(corpus: Corpus): Promise<Row> {
  const { cold, update } = await mirrorHyperdrive(corpus)
  return { what: 'naive Hyperdrive (socket)', update: update.bytes, cold: cold.bytes, apply: update.ms }
}

async function program(corpus: Corpus): Promise<Row> {
  const { publish, cold, update, pack, apply, rss } = await wholeWay(corpus)
  const rest = `${(update - pack).toLocaleString('en')} bytes beside the pack`
  return { what: `chasqui, whole (socket; ${rest})`, publish, update, cold, apply, decoder: rss }
}

/** Everything that is measured for a pair. */
const MEASURES: ((corpus: Corpus) => Promise<Row>)[] = [
  chasqui,
  program,
  (corpus) => rival('zstd -19 --patch-from', patchFrom(corpus), false),
  (corpus) => rival('zip', zip(corpus), true),
  mirror
]

function cells(row: Row, limit: number | undefined): string[] {
  const bytes = (value: number | undefined) => (value === undefined ? '' : value.toLocaleString('en'))
  const time = (value: number | undefined) => (value === undefined ? '' : formatDuration(value))
  const memory = (value: number | undefined) => (value === undefined ? '' : formatBytes(value))
  const ratio = row.update === undefined || limit === undefined ? '' : (row.update / limit).toFixed(2)
  return [
    `  ${row.what}`,
    time(row.publish),
    bytes(row.update),
    ratio,
    bytes(row.cold),
    time(row.apply),
    memory(row.encoder),
    memory(row.decoder)
  ]
}

const HEAD = [
  '',
  'publish',
  'update bytes',
  '× patch-from',
  'cold bytes',
  'apply',
  'encoder peak',
  'decoder peak'
]

for (const corpus of fetchCorpora(process.argv.slice(2))) {
  const rows: Row[] = []
  for (const measure of MEASURES) rows.push(await measure(corpus))
  const limit = rows.find((row) => row.what.startsWith('zstd'))?.update
  const table = [HEAD, ...rows.map((row) => cells(row, limit))]
  console.log(`${corpus.name}: ${corpus.before} → ${corpus.after}\n${formatTable(table)}\n`)
}
