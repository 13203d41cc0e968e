// docs/ARCHITECTURE.md says where things are: every path that it names exists, and its state table is the one in the code.
import assert from 'node:assert/strict'
import { existsSync, readFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { test } from 'node:test'
import { next, STATES, stepOf } from '../node/apply/machine.ts'

const root = join(import.meta.dirname, '..')
const text = readFileSync(join(root, 'docs/ARCHITECTURE.md'), 'utf8')

/** Paths in a table row: `a/b.ts`, and names after it without a folder, which are beside the last one that had one. */
function pathsOf(row: string): string[] {
  let folder = ''
  return [...row.matchAll(/`([\w./-]+)`/g)].flatMap((match) => {
    const path = match[1] as string
    if (path.includes('/')) folder = path.endsWith('/') ? path : dirname(path)
    return path.includes('/') ? [path] : path.endsWith('.ts') ? [join(folder, path)] : []
  })
}

test('every path that the document names is there', () => {
  const places = text.split('\n').filter((line) => line.startsWith('| ') && line.includes('/'))
  const paths = places.flatMap((line) => pathsOf(line.split('|')[2] ?? ''))
  assert.ok(paths.length > 40, `${paths.length} paths found`)
  assert.deepEqual(
    paths.filter((path) => !existsSync(join(root, path))),
    []
  )
})

test('the state table is the one in the code', () => {
  for (const state of STATES) {
    const [done, failed, interrupted] = (['done', 'failed', 'interrupted'] as const).map((event) =>
      next(state, event)
    )
    const row = `| ${state} | ${stepOf(state) ?? '–'} | ${done} | ${failed} | ${interrupted} |`
    assert.ok(text.includes(row), `missing: ${row}`)
  }
})
