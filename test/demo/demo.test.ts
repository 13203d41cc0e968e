// The demo as a stranger runs it: it ends by itself with one JSON document, every branch on the last version, no sale lost and
// nothing left behind; stopped in the middle it leaves nothing behind either.
import assert from 'node:assert/strict'
import { type ChildProcess, spawn } from 'node:child_process'
import { existsSync } from 'node:fs'
import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'

const PROGRAM = join(import.meta.dirname, '../../bin/chasqui.js')
let root: string

before(async () => {
  root = await mkdtemp(join(tmpdir(), 'chasqui-demo-test-'))
})
after(() => rm(root, { recursive: true, force: true }))

interface Run {
  child: ChildProcess
  ended: Promise<{ status: number | null; stdout: string; stderr: string }>
}

function demo(...args: string[]): Run {
  const child = spawn(process.execPath, [PROGRAM, 'demo', '--no-open', '--json', ...args], {
    stdio: ['ignore', 'pipe', 'pipe']
  })
  let stdout = ''
  let stderr = ''
  child.stdout.on('data', (chunk: Buffer) => {
    stdout += chunk.toString('utf8')
  })
  child.stderr.on('data', (chunk: Buffer) => {
    stderr += chunk.toString('utf8')
  })
  const ended = new Promise<{ status: number | null; stdout: string; stderr: string }>((resolve) => {
    child.on('close', (status) => resolve({ status, stdout, stderr }))
  })
  return { child, ended }
}

/** Processes whose command line names the folder. Linux only; elsewhere there is nothing to look at. */
async function processesIn(folder: string): Promise<string[]> {
  if (!existsSync('/proc/self/cmdline')) return []
  const pids = (await readdir('/proc')).filter((name) => /^\d+$/.test(name))
  const lines = await Promise.all(pids.map((pid) => readFile(`/proc/${pid}/cmdline`, 'utf8').catch(() => '')))
  return lines.map((line) => line.replaceAll('\0', ' ')).filter((line) => line.includes(folder))
}

interface Branch {
  name: string
  version: string
  updates: number
  rolledBack: number
  bytes: number
  sales: { acknowledged: number; lost: number }
}

test('the demo ends by itself, every branch on the last version and no sale lost', async () => {
  const dir = join(root, 'whole')
  const { status, stdout, stderr } = await demo('--dir', dir).ended
  assert.equal(status, 0, stderr + stdout)
  const { branches, steps } = JSON.parse(stdout) as { branches: Branch[]; steps: unknown[] }
  assert.ok(steps.length >= 8)
  assert.deepEqual(
    branches.map(({ version, updates, rolledBack }) => ({ version, updates, rolledBack })),
    [
      { version: '17.0.1.2.1', updates: 3, rolledBack: 1 },
      { version: '17.0.1.2.1', updates: 3, rolledBack: 1 },
      { version: '17.0.1.2.1', updates: 2, rolledBack: 0 }
    ]
  )
  for (const { sales, name } of branches) {
    assert.ok(sales.acknowledged > 0, name)
    assert.equal(sales.lost, 0, name)
  }
  assert.ok(!existsSync(dir))
  assert.deepEqual(await processesIn(dir), [])
})

test('a folder that is not empty is refused and left alone', async () => {
  const file = join(root, 'mine.txt')
  await writeFile(file, 'mine')
  const { status, stdout } = await demo('--dir', root).ended
  assert.equal(status, 2)
  assert.equal((JSON.parse(stdout) as { error: { code: string } }).error.code, 'USAGE')
  assert.equal(await readFile(file, 'utf8'), 'mine')
})

test('stopped in the middle it leaves neither files nor processes', async () => {
  const dir = join(root, 'stopped')
  const { child, ended } = demo('--dir', dir)
  while (!existsSync(join(dir, 'norte', 'addons')) && child.exitCode === null) await sleep(50)
  child.kill('SIGINT')
  const { status, stdout } = await ended
  assert.equal(status, 1)
  assert.equal((JSON.parse(stdout) as { error: { code: string } }).error.code, 'CANCELLED')
  assert.ok(!existsSync(dir))
  assert.deepEqual(await processesIn(dir), [])
})
