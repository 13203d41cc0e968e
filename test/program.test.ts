// The frame of the command line: what a signal does to a command, and users who have no folder of their own.
import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { join } from 'node:path'
import { test } from 'node:test'
import { Command } from 'commander'
import { act, commonOptionsLast } from '../src/cli/program.ts'
import { asChasquiError } from '../src/errors.ts'

test('Ctrl-C that comes twice, from a terminal and a launcher, stops a command once', async () => {
  const before = process.listenerCount('SIGINT')
  const command = act(new Command('work'), async ({ signal }) => {
    process.emit('SIGINT')
    assert.equal(signal.aborted, true)
    assert.ok(process.listenerCount('SIGINT') > before, 'the second one would kill the process')
    process.emit('SIGINT')
    return 3
  })
  await command.parseAsync([], { from: 'user' })
  assert.equal(process.exitCode, 3)
  process.exitCode = 0
  assert.equal(process.listenerCount('SIGINT'), before)
})

test('options that every command has may stand before it', () => {
  const rows: [typed: string, meant: string][] = [
    ['--home x node status', 'node status --home x'],
    ['node --json --home=x config list', 'node config list --json --home=x'],
    ['-q publisher -y keys rotate root', 'publisher keys rotate root -q -y'],
    ['node run --no-lan --json', 'node run --no-lan --json'],
    ['--json node apply -- --odd', 'node apply --json -- --odd'],
    ['--version', '--version'],
    ['publisher publish dir --version 2', 'publisher publish dir --version 2']
  ]
  for (const [typed, meant] of rows) {
    assert.deepEqual(commonOptionsLast(['node', 'x', ...typed.split(' ')]).slice(2), meant.split(' '), typed)
  }
})

test('what a signal has stopped was cancelled', () => {
  assert.equal(asChasquiError(AbortSignal.abort().reason).code, 'CANCELLED')
})

/** `chasqui …` as a user whom the system does not know. */
function asNobody(args: string[]): Promise<{ status: number; stdout: string; stderr: string }> {
  const nowhere = `
    import os from 'node:os'
    import { syncBuiltinESMExports } from 'node:module'
    os.homedir = () => { throw new Error('uv_os_homedir returned ENOENT') }
    syncBuiltinESMExports()`
  const program = join(import.meta.dirname, '..', 'bin', 'chasqui.js')
  const preload = `data:text/javascript,${encodeURIComponent(nowhere)}`
  const { PATH = '' } = process.env
  return new Promise((resolve) => {
    execFile(
      process.execPath,
      ['--import', preload, program, ...args],
      { env: { PATH } },
      (error, stdout, stderr) => {
        resolve({ status: Number(error?.code ?? 0), stdout, stderr })
      }
    )
  })
}

test('a user without a folder can do all that needs none, and is told to name a home', async () => {
  const version = await asNobody(['--version'])
  assert.equal(version.status, 0, version.stderr)
  const nothing = await asNobody(['publisher', 'releases', '--json'])
  assert.equal(JSON.parse(nothing.stdout).error.code, 'HOME_MISSING', nothing.stderr)
  assert.match(nothing.stdout, /--home or CHASQUI_HOME/)
})

test('options without a command: it is the command that is missing', async () => {
  for (const args of [['publisher', 'keys', '--json'], ['node', '--home=x', '--json'], ['--json']]) {
    const { status, stdout } = await asNobody(args)
    const { error } = JSON.parse(stdout)
    assert.deepEqual(
      [status, error.code, error.message],
      [2, 'USAGE', 'a command is missing'],
      args.join(' ')
    )
  }
})
