// Questions at a terminal: a real one, which script(1) makes.
import assert from 'node:assert/strict'
import { spawn, spawnSync } from 'node:child_process'
import { join } from 'node:path'
import { test } from 'node:test'

const MODULE = JSON.stringify(join(import.meta.dirname, '../src/cli/prompt.ts'))
const QUESTION = 'is it so? '
// util-linux has the option that gives the program's own exit status
const isHere = process.platform === 'linux' && spawnSync('script', ['-qec', 'true', '/dev/null']).status === 0
const options = { skip: isHere ? false : 'there is no script(1) of util-linux' }

/** What is on the terminal at the end, when somebody types `keys` after the question. */
async function typed(name: 'ask' | 'promptSecret', keys: string): Promise<string> {
  const program = `
    const { ${name} } = await import(${MODULE})
    const answer = await ${name}('${QUESTION}', new AbortController().signal).catch(({ code }) => code)
    process.stdout.write('\\nanswer <' + answer + '>')`
  const command = `"${process.execPath}" --input-type=module -e "$PROGRAM"`
  const child = spawn('script', ['-qec', command, '/dev/null'], {
    env: { ...process.env, PROGRAM: program },
    stdio: ['pipe', 'pipe', 'inherit']
  })
  let shown = ''
  for await (const chunk of child.stdout.setEncoding('utf8')) {
    const before = shown.includes(QUESTION)
    shown += chunk
    if (!before && shown.includes(QUESTION)) child.stdin.write(keys)
    if (shown.includes('answer <')) child.stdin.end()
  }
  return shown
}

for (const name of ['ask', 'promptSecret'] as const) {
  test(`${name}: the question stays while the answer is typed`, options, async () => {
    const shown = await typed(name, 'yes\r')
    const after = shown.slice(shown.lastIndexOf(QUESTION) + QUESTION.length)
    assert.match(after, /answer <yes>/)
    // biome-ignore lint/suspicious/noControlCharactersInRegex: the terminal's own
    assert.doesNotMatch(after, /\x1b\[\d*[JK]/, 'the line is wiped')
    assert.equal(/yes\r*\n/.test(after), name === 'ask', 'what is typed is shown, unless it is a secret')
  })

  test(`${name}: Ctrl-C and Ctrl-D are no answers`, options, async () => {
    assert.match(await typed(name, '\x03'), /answer <CANCELLED>/)
    assert.match(await typed(name, '\x04'), /answer <CANCELLED>/)
  })
}
