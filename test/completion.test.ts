// Completion in the shells that are here: what Tab would offer, asked of the shell itself.
import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { test } from 'node:test'
import { chasqui } from './e2e/support.ts'

/** What bash offers for the last of these words. */
function offered(script: string, line: string[]): string[] {
  const set = `COMP_WORDS=(${line.map((word) => `'${word}'`).join(' ')}); COMP_CWORD=${line.length - 1}`
  const shell = `${script}\n${set}\n_chasqui\nprintf '%s\\n' "\${COMPREPLY[@]}"`
  const text = execFileSync('bash', ['-c', shell], { encoding: 'utf8' })
  return text.split('\n').filter((word) => word !== '')
}

test('bash completes groups, commands and options, also after values', async () => {
  const { stdout: script } = await chasqui(['node', 'completion', 'bash'])
  const rows: [line: string[], some: string[], none: string[]][] = [
    [
      ['chasqui', ''],
      ['publisher', 'node', 'usb-sync', 'demo'],
      ['publish', 'help']
    ],
    [['chasqui', 'publisher', 'pu'], ['publish'], ['prune', '--json']],
    [['chasqui', 'publisher', 'keys', 'ro'], ['rotate'], []],
    [['chasqui', 'publisher', '--home', 'x', 'publish', '--al'], ['--allow-same-version'], []],
    [['chasqui', 'node', 'apply', 'shop', '--'], ['--now', '--dry-run', '--json', '--help'], ['--each']],
    [['chasqui', 'node', 'join', 'inv'], [], ['publish']]
  ]
  for (const [line, some, none] of rows) {
    const words = offered(script, line)
    for (const word of some) assert.ok(words.includes(word), `${line.join(' ')}: ${word} in ${words}`)
    for (const word of none) assert.ok(!words.includes(word), `${line.join(' ')}: ${word} in ${words}`)
  }
})

test('each shell has a script that names every command; another shell is a usage error', async () => {
  for (const shell of ['bash', 'zsh', 'fish', 'powershell']) {
    const { status, stdout } = await chasqui(['node', 'completion', shell])
    assert.equal(status, 0, shell)
    for (const word of ['usb-sync', 'rotate', 'allow-same-version']) assert.ok(stdout.includes(word), shell)
    const { script } = JSON.parse((await chasqui(['node', 'completion', shell, '--json'])).stdout)
    assert.equal(script, stdout, shell)
  }
  const unknown = await chasqui(['node', 'completion', 'tcsh', '--json'])
  assert.deepEqual([unknown.status, JSON.parse(unknown.stdout).error.code], [2, 'USAGE'])
})
