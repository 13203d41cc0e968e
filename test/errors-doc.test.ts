// docs/ERRORS.md is what the table in src/errors.ts says, and every code that the sources throw is in the table.
import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { test } from 'node:test'
import { ERRORS_DOCUMENT, errorsDocument } from '../scripts/docs-errors.ts'
import { ERROR_CODES, EXIT } from '../src/errors.ts'

const document = readFileSync(ERRORS_DOCUMENT, 'utf8')
const listed = [...document.matchAll(/^\| `([A-Z0-9_]+)` \|/gm)].map((match) => match[1] as string)

test('docs/ERRORS.md lists every code once and only those', () => {
  assert.deepEqual([...listed].sort(), [...ERROR_CODES.keys()].sort(), 'run: npm run docs:errors')
})

test('docs/ERRORS.md is what the generator writes', () => {
  assert.equal(document, errorsDocument(), 'run: npm run docs:errors')
})

test('a code is upper case with underscores, has a meaning in lower case and a failing exit status', () => {
  const statuses = new Set<number>(Object.values(EXIT).filter((status) => status !== EXIT.done))
  for (const [code, { exit, meaning }] of ERROR_CODES) {
    assert.match(code, /^[A-Z][A-Z0-9]*(_[A-Z0-9]+)*$/)
    assert.ok(statuses.has(exit), `${code} has exit status ${exit}`)
    assert.ok(meaning.length > 10 && !meaning.endsWith('.'), `${code}: ${meaning}`)
  }
})
