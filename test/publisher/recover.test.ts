// The publisher's machine is lost: a key backup and a branch, or a stick, bring the same fleet back. Real processes.
import assert from 'node:assert/strict'
import { execFile, spawn } from 'node:child_process'
import { mkdir, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { test } from 'node:test'
import { at, chasqui, environmentOf, startDaemon, temporaryFolder, writeFiles } from './support.ts'

type T = Parameters<typeof temporaryFolder>[0]
const PROGRAM = join(import.meta.dirname, '..', '..', 'bin', 'chasqui.js')

async function ok(home: string, ...args: string[]): Promise<unknown> {
  const outcome = await chasqui(home, [...args, '--json'])
  assert.equal(outcome.status, 0, `${args.join(' ')}: ${outcome.stdout}${outcome.stderr}`)
  return outcome.json
}

/** `chasqui …` of another group than publisher; its stdout. */
function other(home: string, ...args: string[]): Promise<string> {
  return new Promise((resolve, reject) => {
    execFile(process.execPath, [PROGRAM, ...args], { env: environmentOf(home) }, (error, stdout, stderr) => {
      if (error === null) resolve(stdout)
      else reject(new Error(`${args.join(' ')}: ${stdout}${stderr}`))
    })
  })
}

/** A fleet with one release and a key backup. */
async function scene(t: T) {
  const folder = await temporaryFolder(t)
  const home = join(folder, 'home')
  const dir = await writeFiles(join(folder, 'shop'), { 'version.txt': '1.0.0\n', 'app.js': 'run()\n' })
  const made = await ok(home, 'init', '--name', 'Tienda', '--no-passphrase')
  await ok(home, 'publish', dir)
  const secret = join(folder, 'secret')
  await writeFile(secret, 'in the safe\n')
  const backup = join(folder, 'keys.backup')
  await ok(home, 'keys', 'backup', backup, '--backup-passphrase-file', secret)
  const restore = ['--backup-passphrase-file', secret, '--no-passphrase']
  return { folder, home, dir, backup, restore, root: at(made, 'root') }
}

/** The recovered publisher is the same one: it publishes, signs and rotates. */
async function assertGoesOn(home: string, dir: string): Promise<void> {
  assert.equal(((await ok(home, 'releases')) as unknown[]).length, 1)
  await writeFiles(dir, { 'version.txt': '1.1.0\n' })
  assert.equal(at(await ok(home, 'publish', dir), 'version'), '1.1.0')
  await ok(home, 'keys', 'rotate', 'online')
}

test('from a stick', async (t) => {
  const { folder, home, dir, backup, restore, root } = await scene(t)
  const stick = join(folder, 'stick')
  await mkdir(stick)
  await other(home, 'usb-sync', 'export', stick, '--json')
  await rm(home, { recursive: true })
  const fresh = join(folder, 'fresh')
  const recovered = await ok(fresh, 'recover', backup, '--from', stick, ...restore)
  assert.equal(at(recovered, 'restored.fleet'), root)
  await assertGoesOn(fresh, dir)
})

test('from a branch that has the feed', async (t) => {
  const { folder, home, dir, backup, restore } = await scene(t)
  const daemon = await startDaemon(t, home, ['--listen', '127.0.0.1:0'])
  const invite = await ok(home, 'invite', 'Norte')
  const branch = join(folder, 'branch')
  await other(branch, 'node', 'join', String(at(invite, 'invite')), '--json')
  const { host, port } = daemon.listening ?? { host: '', port: 0 }
  const flags = ['--listen', '127.0.0.1:0', '--no-internet', '--no-lan', '--peer', `${host}:${port}`]
  const node = spawn(process.execPath, [PROGRAM, 'node', 'run', '--json', ...flags], {
    env: environmentOf(branch),
    stdio: ['ignore', 'pipe', 'inherit']
  })
  const ended = new Promise((resolve) => node.once('exit', resolve))
  t.after(async () => {
    node.kill('SIGTERM')
    await ended
  })
  const address = await listeningAddress(node.stdout)
  await untilCarried(branch)
  daemon.child.kill('SIGTERM')
  await daemon.ended
  await rm(home, { recursive: true })

  const fresh = join(folder, 'fresh')
  const recovered = await ok(fresh, 'recover', backup, '--from', address, ...restore)
  assert.equal(at(recovered, 'imported.missing'), 0)
  await assertGoesOn(fresh, dir)
})

async function listeningAddress(stdout: NodeJS.ReadableStream): Promise<string> {
  for await (const line of createInterface({ input: stdout })) {
    const event = JSON.parse(line)
    if (event.event !== 'ready') continue
    stdout.resume()
    return `${event.listening.host}:${event.listening.port}`
  }
  throw new Error('the node ended before it was ready')
}

/** Waits until the branch, which carries for others, has the feed with its packs. */
async function untilCarried(branch: string): Promise<void> {
  for (let tries = 0; tries < 60; tries++) {
    const status = JSON.parse(await other(branch, 'node', 'status', '--json'))
    if (status.feed.length > 0 && status.feed.missing !== undefined ? status.feed.missing === 0 : tries > 6)
      return
    await new Promise((resolve) => setTimeout(resolve, 500))
  }
  throw new Error('the branch never had the feed')
}
