// `publisher run` that cannot start says why and ends; so that whoever watches over the service can start it again.
import assert from 'node:assert/strict'
import { execFile, spawn } from 'node:child_process'
import { existsSync } from 'node:fs'
import { mkdir, writeFile } from 'node:fs/promises'
import { createServer } from 'node:net'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { type TestContext, test } from 'node:test'
import { promisify } from 'node:util'
import { at, chasqui, environmentOf, makeHome, temporaryFolder } from './support.ts'

const PROGRAM = join(import.meta.dirname, '..', '..', 'bin', 'chasqui.js')
const OFFLINE = ['--no-internet', '--no-lan']

async function takenPort(t: TestContext): Promise<number> {
  const server = createServer()
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  t.after(() => server.close())
  const address = server.address()
  return typeof address === 'object' ? (address?.port ?? 0) : 0
}

const starts: { name: string; code: string; exit: number; flags(port: number): string[] }[] = [
  {
    name: 'an address that is none',
    code: 'PEER_ADDRESS_INVALID',
    exit: 2,
    flags: () => ['--listen', 'bogus']
  },
  { name: 'a peer that is none', code: 'PEER_ADDRESS_INVALID', exit: 2, flags: () => ['--peer', 'foo'] },
  {
    name: 'a port in use',
    code: 'ADDRESS_IN_USE',
    exit: 2,
    flags: (port) => ['--listen', `127.0.0.1:${port}`]
  }
]

test('a start that fails ends the program with its code, and leaves the home free', async (t) => {
  const home = join(await temporaryFolder(t), 'home')
  await makeHome(home)
  const port = await takenPort(t)
  for (const { name, code, exit, flags } of starts) {
    const ended = await chasqui(home, ['run', ...OFFLINE, ...flags(port), '--json'])
    assert.deepEqual([at(ended.json, 'error.code'), ended.status], [code, exit], `${name}: ${ended.stderr}`)
  }
  assert.equal((await chasqui(home, ['releases', '--json'])).status, 0)
})

const STICKS: { name: string; toml(folder: string): string; flags(folder: string): string[] }[] = [
  {
    name: 'below the roots of chasqui.toml',
    toml: (folder) => `[sticks]\nroots = ["${folder}"]\n`,
    flags: () => []
  },
  {
    name: 'below those of the flag, whatever chasqui.toml says',
    toml: () => '[sticks]\nwatch = false\n',
    flags: (folder) => ['--sticks', folder]
  }
]

for (const { name, toml, flags } of STICKS) {
  test(`sticks are found ${name}`, async (t) => {
    const folder = await temporaryFolder(t)
    const [home, sockets] = [join(folder, 'home'), join(folder, 'sockets')]
    await makeHome(home)
    await mkdir(join(sockets, 'stick'), { recursive: true })
    const environment = { cwd: folder, env: environmentOf(home) }
    await promisify(execFile)(
      process.execPath,
      [PROGRAM, 'usb-sync', 'export', join(sockets, 'stick')],
      environment
    )
    await writeFile(join(home, 'chasqui.toml'), toml(sockets))
    const args = [PROGRAM, 'publisher', 'run', ...OFFLINE, ...flags(sockets), '--json']
    const child = spawn(process.execPath, args, { ...environment, stdio: ['ignore', 'pipe', 'inherit'] })
    const ended = new Promise((resolve) => child.once('exit', resolve))
    t.after(async () => {
      child.kill('SIGTERM')
      await ended
    })
    for await (const line of createInterface({ input: child.stdout })) {
      const { event, what, place } = JSON.parse(line)
      if (event !== 'stick' || what !== 'done') continue
      assert.equal(place, join(sockets, 'stick'))
      return
    }
    assert.fail('the daemon ended without a visit')
  })
}

test('an init that is refused makes nothing', async (t) => {
  const folder = await temporaryFolder(t)
  const rows: { home: string; flags: string[]; code: string }[] = [
    { home: join(folder, 'x'.repeat(100)), flags: [], code: 'HOME_PATH_LONG' },
    { home: join(folder, 'few'), flags: ['--threshold', '2', '--signers', '1'], code: 'USAGE' }
  ]
  for (const { home, flags, code } of rows) {
    const args = ['init', '--no-passphrase', ...flags, '--home', home, '--json']
    const ended = await chasqui(join(folder, 'user'), args)
    assert.deepEqual([at(ended.json, 'error.code'), ended.status], [code, 2])
    assert.equal(existsSync(home), false)
  }
})

test('a reader that goes away is no error', async (t) => {
  const home = join(await temporaryFolder(t), 'home')
  await makeHome(home)
  const child = spawn(process.execPath, [PROGRAM, 'publisher', 'keys', 'list', '--json'], {
    env: environmentOf(home),
    stdio: ['ignore', 'pipe', 'pipe']
  })
  child.stdout.destroy()
  let errors = ''
  child.stderr.on('data', (chunk: Buffer) => {
    errors += chunk.toString()
  })
  const status = await new Promise((resolve) => child.once('close', resolve))
  assert.deepEqual([status, errors], [0, ''])
})
