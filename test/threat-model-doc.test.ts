// Each claim of docs/THREAT-MODEL.md names the test that holds it, as `folder/file: words of a name, words of another`. Those
// files and those words have to be there; and every guarantee and every position has to name one.
import assert from 'node:assert/strict'
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'

const text = readFileSync(join(import.meta.dirname, '..', 'docs', 'THREAT-MODEL.md'), 'utf8')
const LINK = /^([a-z0-9]+\/[a-z0-9-]+)(?:: (.+))?$/

/** The links in a piece of the document: file of the test, and the names that it should have. */
function linksIn(piece: string): { file: string; names: string[] }[] {
  return [...piece.matchAll(/`([^`]+)`/g)].flatMap((match) => {
    const found = LINK.exec((match[1] as string).replace(/\s+/g, ' '))
    return found === null ? [] : [{ file: found[1] as string, names: found[2]?.split(', ') ?? [] }]
  })
}

/** Whether a text of this source, such as a test's name, has the words in it; `…` stands for what a table fills in. */
function hasTest(source: string, name: string): boolean {
  const code = source.replace(/^\s*(\/\/|\/?\*).*$/gm, '')
  const texts = [...code.matchAll(/(['"`])((?:\\.|(?!\1)[^\n])*)\1/g)].map((match) => match[2] as string)
  return texts.some((each) => holdsInOrder(each, name.split('…')))
}

function holdsInOrder(text: string, parts: readonly string[]): boolean {
  let from = 0
  return parts.every((part) => {
    const at = text.indexOf(part.trim(), from)
    from = at + part.length
    return at >= 0
  })
}

for (const { file, names } of linksIn(text)) {
  const path = join(import.meta.dirname, `${file}.test.ts`)
  test(`the threat model's ${file} is a test`, () =>
    assert.ok(existsSync(path), `${file}.test.ts is not there`))
  for (const name of names) {
    test(`the threat model's "${name}" is a test of ${file}`, () => {
      assert.ok(hasTest(readFileSync(path, 'utf8'), name), `${file} has no "${name}"`)
    })
  }
}

const guarantees = text
  .slice(text.indexOf('## Guarantees'), text.indexOf('## Positions'))
  .split(/\n(?=\d+\. )/)
  .slice(1)
const positions = text
  .slice(text.indexOf('## Positions'), text.indexOf('## What is lost for good'))
  .split(/\n(?=### )/)
  .slice(1)

for (const piece of [...guarantees, ...positions]) {
  const title = (piece.split('\n')[0] as string).slice(0, 60)
  test(`the threat model names a test for "${title}"`, () => {
    assert.ok(linksIn(piece).length > 0, piece)
  })
}

test('a name that no test has is noticed', () => {
  const source =
    "// refuses a friend\ntest('refuses ' + n, refuses)\ntest('refuses 5 strangers of a table', act)"
  assert.equal(hasTest(source, 'refuses a friend'), false)
  assert.equal(hasTest(source, 'refuses … strangers'), true)
  assert.deepEqual(linksIn('by `keys list`, see `net/links: a stranger,\n  a clone`'), [
    { file: 'net/links', names: ['a stranger', 'a clone'] }
  ])
})
