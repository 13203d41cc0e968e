// Runs the tests and ends with one plain line: "N passed, N failed, N skipped". Suites by flag:
//   (none) test/**/*.test.ts   --soak test/**/*.soak.ts   --adversary test/adversary/*.test.ts   --odoo test/odoo/*.odoo.ts
// Any other argument keeps only the files whose path contains it. A skipped test says its reason and is listed at the end.
import { globSync } from 'node:fs'
import { dirname, join, relative } from 'node:path'
import { run } from 'node:test'
import { spec } from 'node:test/reporters'

const SUITES: Record<string, string> = {
  '--soak': 'test/**/*.soak.ts',
  '--adversary': 'test/adversary/*.test.ts',
  '--odoo': 'test/odoo/*.odoo.ts'
}
const PATIENCE = { fast: 10 * 60_000, soak: 40 * 60_000 } // milliseconds for a file; a guard against hangs, not a measure

/** Files that take a minute or more go first: one that starts last is waited for. */
const LONG = ['apply/faults.', 'stick/media.', 'demo/demo.', 'e2e/']

const root = dirname(import.meta.dirname)
const args = process.argv.slice(2)
const suite = args.find((arg) => arg in SUITES)
const words = args.filter((arg) => !arg.startsWith('--'))
const files = globSync(suite === undefined ? 'test/**/*.test.ts' : (SUITES[suite] as string), { cwd: root })
  .sort((a, b) => rank(a) - rank(b) || (a < b ? -1 : 1))
  .filter((file) => words.length === 0 || words.some((word) => file.includes(word)))

// what one process has compiled, the next need not: hundreds of them start
process.env.NODE_COMPILE_CACHE ??= join(root, 'node_modules', '.cache', 'tests')

// root's tools (runuser, sysctl, mkfs) are not on every root's path
if (process.platform !== 'win32') process.env.PATH = `${process.env.PATH ?? ''}:/usr/sbin:/sbin`

function rank(file: string): number {
  const place = LONG.findIndex((long) => file.includes(long))
  return place === -1 ? LONG.length : place
}

let passed = 0
let failed = 0
const skipped: string[] = []
/** adversary tests are named "attack: case → outcome": how many cases of each attack ended how */
const attacks = new Map<string, number>()
const stream = run({
  files,
  cwd: root,
  concurrency: 3, // files at a time: many wait for programs, networks and drives rather than for a processor
  timeout: PATIENCE[suite === '--soak' ? 'soak' : 'fast']
})
stream.on('test:pass', (event) => {
  if (event.details.type === 'suite') return
  const attack = /^(.+?): .+ → (.+)$/.exec(event.name)
  if (attack !== null) {
    const row = `${(attack[1] as string).padEnd(50)} ${attack[2]}`
    attacks.set(row, (attacks.get(row) ?? 0) + 1)
  }
  if (event.skip === undefined) passed++
  else skipped.push(`${relative(root, event.file ?? '')}: ${event.name}: ${event.skip}`)
})
stream.on('test:fail', (event) => {
  if (event.details.type !== 'suite') failed++
})
const report = stream.compose(spec)
report.pipe(process.stdout)
report.on('end', () => {
  if (suite === '--adversary') {
    console.log(`cases  ${'attack'.padEnd(50)} refused with`)
    for (const [row, cases] of attacks) console.log(`${String(cases).padStart(5)}  ${row}`)
    console.log(`${String([...attacks.values()].reduce((a, b) => a + b, 0)).padStart(5)}  in all`)
  }
  for (const line of skipped) console.log(`skipped: ${line}`)
  console.log(`${passed} passed, ${failed} failed, ${skipped.length} skipped`)
  process.exitCode = failed > 0 || passed === 0 ? 1 : 0
})
