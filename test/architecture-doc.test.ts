// docs/ARCHITECTURE.md says where things are: every path that it names exists, its layers and its state table
// are those of the code.
import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
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

/** The drawing of the layers: its rows from top to bottom, the folders of each from left to right. */
function layersOf(document: string): string[] {
  const drawing = /## Layers\n\n```\n([^`]*)```/.exec(document)?.[1] ?? ''
  return drawing
    .split('\n')
    .flatMap((row) => row.slice(0, row.search(/ {3}/)).split(/ +/))
    .map((name) => (name === 'bin/main.ts' ? 'bin' : name))
    .filter((name) => name !== '')
}

/** Imports that point up or to the left in the drawing, types among them, as `from → to`. */
function upward(layers: readonly string[], files: ReadonlyMap<string, string>): string[] {
  const rank = (path: string) => layers.findIndex((layer) => path === layer || path.startsWith(`${layer}/`))
  return [...files].flatMap(([path, source]) =>
    [...source.matchAll(/(?:\bfrom|\bimport\()\s*'(\.[^']+)'/g)]
      .map((match) => join(path, '..', match[1] as string).replaceAll('\\', '/'))
      .filter((target) => rank(path) < 0 || rank(target) < rank(path))
      .map((target) => `${path} → ${target}`)
  )
}

test('an import points down in the drawing of the layers, or to the right', () => {
  const layers = layersOf(text)
  const wrong = new Map([['src/trust/a.ts', "import type { B } from '../stick/b.ts'"]])
  assert.deepEqual(
    upward(layers, wrong),
    ['src/trust/a.ts → src/stick/b.ts'],
    'the rule itself must be able to fail'
  )
  const listed = execFileSync('git', ['ls-files', 'src', 'publisher', 'node', 'usb-sync', 'bin'], {
    cwd: root
  })
  const paths = listed
    .toString()
    .split('\n')
    .filter((path) => /\.ts$/.test(path) && !/\.d\.ts$|^src\/demo\/addons/.test(path))
  const files = new Map(
    paths
      .filter((path) => existsSync(join(root, path)))
      .map((path) => [path, readFileSync(join(root, path), 'utf8')])
  )
  assert.ok(files.size > 400)
  assert.deepEqual(upward(layers, files), [])
})
