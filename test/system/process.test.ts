// The runner of programs, with real ones: what they leave running lives on, who they run as, what is kept of their words.
import assert from 'node:assert/strict'
import { mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, type TestContext, test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { realProcessRunner } from '../../src/system/process.ts'

const skip = process.platform === 'win32' && 'needs a POSIX shell'
const environment = { PATH: process.env.PATH ?? '' }
const shell = (script: string) => ['/bin/sh', '-c', script] as const

async function scratch(t: TestContext): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'chasqui-process-'))
  t.after(() => rm(folder, { recursive: true, force: true }))
  return folder
}

describe('a program with a log file', { skip }, () => {
  test('leaves a daemon that goes on to print after it has ended', async (t) => {
    const folder = await scratch(t)
    const [log, counter] = [join(folder, 'out.log'), join(folder, 'counter')]
    await writeFile(log, 'from the last time\n')
    const daemon = `i=0; while [ $i -lt 20 ]; do i=$((i+1)); echo "served $i"; echo $i > ${counter}; sleep 0.1; done`
    const command = shell(`echo started; (${daemon}) &`)
    const result = await realProcessRunner.run({ command, environment, timeout: 10_000, log })
    assert.equal(result.status, 0)
    assert.match(result.output, /^started\n/)
    assert.doesNotMatch(result.output, /last time/)
    const last = async () => Number(await readFile(counter, 'utf8').catch(() => '0'))
    while ((await last()) < 20) await sleep(50)
    assert.match(await readFile(log, 'utf8'), /from the last time\nstarted\n[\s\S]*served 20\n$/)
  })

  test('keeps the end of what it printed, and says it when the time is over', async (t) => {
    const log = join(await scratch(t), 'out.log')
    const printed = await realProcessRunner.run({
      command: shell('echo 12345; echo 6789 >&2'),
      environment,
      timeout: 10_000,
      outputLimit: 5,
      log
    })
    assert.equal(printed.output, '6789\n')
    assert.equal((await stat(log)).mode & 0o777, 0o600)
    const slow = realProcessRunner.run({ command: shell('echo hm; sleep 9'), environment, timeout: 300, log })
    await assert.rejects(slow, { code: 'PROCESS_TIMEOUT', hint: 'its last words: hm' })
  })
})

const isRoot = process.getuid?.() === 0
test('runs as another user when it is told to', { skip: !isRoot && 'only root may' }, async () => {
  const user = { user: 4242, group: 4343 }
  const { output } = await realProcessRunner.run({
    command: shell('id -u; id -g'),
    environment,
    timeout: 10_000,
    user,
    onStart: async () => undefined
  })
  assert.equal(output, '4242\n4343\n')
})
