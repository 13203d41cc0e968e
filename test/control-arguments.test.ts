// What a command says of arguments that it cannot take: one line, the field, what was expected.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { z } from 'zod'
import { parsePublishArgs } from '../publisher/publish/arguments.ts'
import { parseArguments } from '../src/control/arguments.ts'

const schema = z.strictObject({
  release: z.string(),
  action: z.union([z.number().min(0).max(100), z.enum(['pause', 'halt'])]).optional()
})
const parse = (raw: unknown) => parseArguments(schema, raw)
const publish = (more: object) => () => parsePublishArgs({ dirs: ['/shop'], ...more })

const refused: [what: string, parse: () => unknown, message: RegExp][] = [
  ['nothing', () => parse(undefined), /^release: is missing$/],
  ['another type', () => parse({ release: 5 }), /^release: expected string, received number$/],
  ['a field that is none', () => parse({ release: 'a', x: 1 }), /^x: there is no such argument$/],
  [
    'no branch of a union',
    () => parse({ release: 'a', action: 'go' }),
    /^action: expected .*, or one of "pause"/
  ],
  ['no object', () => parse('text'), /^arguments: expected object/],
  ['a kind', publish({ kind: 'foo' }), /^kind: expected one of "directory"\|"overlay"$/],
  ['a severity', publish({ severity: 'x' }), /^severity: expected one of "critical"\|"normal"$/],
  ['a channel', publish({ channel: 'A B' }), /^channel: expected small letters and digits, such as "stable"$/]
]
for (const [what, run, message] of refused) {
  test(`one line says what was expected: ${what}`, () => {
    assert.throws(run, { code: 'USAGE', message })
  })
}

test('what fits comes back parsed', () => {
  assert.deepEqual(parse({ release: 'shop@1', action: 'halt' }), { release: 'shop@1', action: 'halt' })
})
