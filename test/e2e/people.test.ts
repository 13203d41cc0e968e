// What people run into, with the real program: each case gives one line that says what, a hint, the exit status of the
// contract, and nothing half-done. Cases that need another user or a small disk need root.
import assert from 'node:assert/strict'
import { execFileSync, spawn } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { existsSync } from 'node:fs'
import { chmod, chown, mkdir, readdir, writeFile } from 'node:fs/promises'
import { createServer } from 'node:net'
import { join } from 'node:path'
import { after, before, describe, it } from 'node:test'
import { chasqui, type Finished, json, Lab, PROGRAM, shopConfig, writeTree } from './support.ts'

const NOBODY = 65_534
const hasNoIdleSystemctl =
  (existsSync('/run/systemd/system') || !existsSync('/usr/bin/systemctl')) &&
  'needs a systemctl without its systemd'
const OFFLINE = ['--no-internet', '--no-lan']
const asRoot = process.platform === 'linux' && process.getuid?.() === 0 ? {} : { skip: 'needs root on Linux' }

/** Runs the program as somebody who owns nothing. */
function asNobody(args: readonly string[]): Promise<Finished> {
  const child = spawn(process.execPath, [PROGRAM, ...args], { uid: NOBODY, gid: NOBODY })
  const out: Record<'stdout' | 'stderr', string> = { stdout: '', stderr: '' }
  for (const name of ['stdout', 'stderr'] as const) {
    child[name].on('data', (chunk: Buffer) => {
      out[name] += chunk.toString('utf8')
    })
  }
  return new Promise((resolve) => child.on('close', (status) => resolve({ status, ...out })))
}

describe('people', () => {
  let lab: Lab
  let home: string
  let port: number
  const taken = createServer()
  const mounts: string[] = []

  before(async () => {
    lab = await Lab.make('people')
    await chmod(lab.folder, 0o755)
    await lab.init()
    await mkdir(lab.path('live'), { mode: 0o755 })
    await writeTree(lab.path('shop'), { 'version.txt': '1.0.0\n', 'big.bin': randomBytes(3_000_000) })
    await lab.publish(lab.path('shop'), '--module', 'shop', '--version', '1.0.0')
    home = await lab.branch('norte', shopConfig(lab.path('live', 'shop')))
    await json(['publisher', 'invite', 'norte', '--home', lab.home('publisher')])
    await mkdir(lab.path('stick'))
    await json(['usb-sync', 'export', lab.path('stick'), '--home', lab.home('publisher')])
    await json(['usb-sync', 'import', lab.path('stick'), '--home', home])
    await new Promise<void>((resolve) => taken.listen(0, '127.0.0.1', resolve))
    const address = taken.address()
    port = typeof address === 'object' ? (address?.port ?? 0) : 0
  })
  after(async () => {
    taken.close()
    for (const path of mounts) execFileSync('umount', [path])
    await lab.close()
  })

  /** A disk of its own, in kB. */
  async function disk(name: string, size: number): Promise<string> {
    const path = lab.path(name)
    await mkdir(path)
    execFileSync('mount', ['-t', 'tmpfs', '-o', `size=${size}k`, 'tmpfs', path])
    mounts.push(path)
    return path
  }

  const configure = (text: string) => writeFile(join(home, 'chasqui.toml'), text)

  function says({ status, stderr, stdout }: Finished, code: string, exit: number): void {
    assert.equal(status, exit, stdout + stderr)
    // a refused transaction is a result, and is told on stdout
    const lines = (stderr.includes(code) ? stderr : stdout).split('\n')
    const at = lines.findIndex((line) => line.includes(`${code}: `))
    assert.ok(at >= 0, stdout + stderr)
    assert.match(lines[at + 1] ?? '', /^\s*hint: ./)
    assert.doesNotMatch(stdout + stderr, /\n\s+at .*\.[jt]s:\d+/)
  }

  const rows: {
    what: string
    code: string
    exit: number
    args(): string[]
    toml?: (shop: string) => string
    skip?: string | false
  }[] = [
    {
      what: 'a wrong key',
      code: 'CONFIG_UNKNOWN_KEY',
      exit: 2,
      args: () => ['node', 'apply', '--home', home],
      toml: (shop) => shopConfig(shop, 'winodw = "1"')
    },
    {
      what: 'a wrong type',
      code: 'CONFIG_INVALID',
      exit: 2,
      args: () => ['node', 'apply', '--home', home],
      toml: (shop) => shopConfig(shop, 'backup-keep = "five"')
    },
    {
      what: 'a folder that is not there',
      code: 'NOT_A_DIRECTORY',
      exit: 2,
      args: () => ['publisher', 'publish', lab.path('none'), '--home', lab.home('publisher')]
    },
    {
      what: 'a stick that is not there',
      code: 'STICK_MISSING',
      exit: 4,
      args: () => ['usb-sync', 'export', lab.path('none'), '--home', home]
    },
    {
      what: 'a program that is not there',
      code: 'APPLY_TOOL_MISSING',
      exit: 5,
      args: () => ['node', 'apply', '--home', home],
      toml: (shop) =>
        shopConfig(shop, `service = { kind = "command", stop = ["no-such"], start = ["no-such"] }`)
    },
    {
      what: 'a systemd that does not run',
      code: 'SERVICE_UNREACHABLE',
      exit: 5,
      args: () => ['node', 'apply', '--home', home],
      toml: (shop) => shopConfig(shop, `service = { kind = "systemd", name = "shop" }`),
      skip: hasNoIdleSystemctl
    },
    {
      what: 'an unknown module',
      code: 'MODULE_UNKNOWN',
      exit: 4,
      args: () => ['node', 'apply', 'none', '--home', home]
    },
    {
      what: 'a module that is not installed',
      code: 'NOT_INSTALLED',
      exit: 4,
      args: () => ['node', 'remove', 'none', '--home', home]
    },
    {
      what: 'an unknown release',
      code: 'RELEASE_NOT_FOUND',
      exit: 4,
      args: () => ['publisher', 'show', 'none@1.0.0', '--home', lab.home('publisher')]
    },
    {
      what: 'a name of two branches',
      code: 'BRANCH_AMBIGUOUS',
      exit: 2,
      args: () => ['publisher', 'revoke', 'norte', '--yes', '--home', lab.home('publisher')]
    },
    {
      what: 'a port in use, of a node',
      code: 'ADDRESS_IN_USE',
      exit: 2,
      args: () => ['node', 'run', '--listen', `127.0.0.1:${port}`, ...OFFLINE, '--home', home]
    },
    {
      what: 'a port in use, of a publisher',
      code: 'ADDRESS_IN_USE',
      exit: 2,
      args: () => [
        ...['publisher', 'run', '--listen', `127.0.0.1:${port}`, ...OFFLINE],
        ...['--home', lab.home('publisher')]
      ]
    },
    {
      what: 'an address of another machine',
      code: 'ADDRESS_NOT_HERE',
      exit: 2,
      args: () => ['node', 'run', '--listen', '192.0.2.7:4567', ...OFFLINE, '--home', home]
    }
  ]
  for (const { what, code, exit, args, toml, skip = false } of rows) {
    it(`${what}: ${code}, status ${exit}, nothing is changed`, { skip }, async () => {
      const live = lab.path('live', 'shop')
      await configure(toml?.(live) ?? shopConfig(live))
      says(await chasqui(args()), code, exit)
      assert.deepEqual(await readdir(lab.path('live')), [], 'no work folder either')
    })
  }

  it('a wrong passphrase: PASSPHRASE_WRONG, status 3, nothing is published', async () => {
    const [right, wrong, other] = [lab.path('right'), lab.path('wrong'), lab.path('other')]
    await writeFile(right, 'right horse\n')
    await writeFile(wrong, 'wrong horse\n')
    await json(['publisher', 'init', '--name', 'x', '--passphrase-file', right, '--home', other])
    const args = ['publisher', 'publish', lab.path('shop'), '--version', '1.0.0', '--home', other]
    says(await chasqui([...args, '--passphrase-file', wrong]), 'PASSPHRASE_WRONG', 3)
    says(await chasqui(args), 'PASSPHRASE_NEEDED', 2)
    assert.deepEqual(await json(['publisher', 'releases', '--home', other]), [])
  })

  it('a home that another process has: HOME_LOCKED, status 8', async () => {
    await configure(shopConfig(lab.path('live', 'shop'), 'auto = "none"'))
    const daemon = await lab.daemon('node', 'norte', '--listen', '127.0.0.1:0', ...OFFLINE)
    says(await chasqui(['node', 'run', ...OFFLINE, '--home', home]), 'HOME_LOCKED', 8)
    await daemon.stop()
  })

  it('a home of somebody else: HOME_NOT_OWNER, status 2', asRoot, async () => {
    says(await asNobody(['node', 'status', '--home', home]), 'HOME_NOT_OWNER', 2)
  })

  it('no permission: NO_PERMISSION, status 5, nothing is there afterwards', asRoot, async () => {
    const invited = async (name: string) =>
      (await json<{ invite: string }>(['publisher', 'invite', name, '--home', lab.home('publisher')])).invite
    const theirs = lab.path('theirs')
    says(await asNobody(['node', 'join', await invited('a'), '--home', theirs]), 'NO_PERMISSION', 5)
    await assert.rejects(readdir(theirs))
    await mkdir(theirs)
    await chown(theirs, NOBODY, NOBODY)
    const own = join(theirs, 'home')
    assert.equal((await asNobody(['node', 'join', await invited('b'), '--home', own])).status, 0)
    assert.equal((await asNobody(['usb-sync', 'import', lab.path('stick'), '--home', own])).status, 0)
    await writeFile(join(own, 'chasqui.toml'), shopConfig(lab.path('live', 'theirs')))
    says(await asNobody(['node', 'apply', '--home', own]), 'NO_PERMISSION', 5)
    assert.deepEqual(
      (await readdir(lab.path('live'))).filter((name) => name.includes('theirs')),
      []
    )
    await writeFile(join(own, 'chasqui.toml'), '', { mode: 0o600 })
    await chmod(join(own, 'chasqui.toml'), 0)
    says(await asNobody(['node', 'status', '--home', own]), 'NO_PERMISSION', 5)
  })

  it(
    'a disk that is almost full: status 5, what was there is there, and it goes once there is room',
    asRoot,
    async () => {
      const small = await disk('small', 2_500)
      await configure(shopConfig(join(small, 'shop')))
      says(await chasqui(['node', 'apply', '--home', home]), 'DISK_FULL', 5)
      assert.ok(!(await readdir(small)).includes('shop'))
      says(await chasqui(['usb-sync', 'export', small, '--home', lab.home('publisher')]), 'STICK_FULL', 5)
      assert.ok(!(await readdir(small)).includes('chasqui'))

      const tight = await disk('tight', 2_500)
      const own = join(tight, 'publisher')
      await json(['publisher', 'init', '--name', 'x', '--no-passphrase', '--home', own])
      const noise = await writeTree(lab.path('noise'), {
        'version.txt': '1',
        'n.bin': randomBytes(3_000_000)
      })
      const publish = [
        'publisher',
        'publish',
        noise,
        '--module',
        'noise',
        '--version',
        '1.0.0',
        '--home',
        own
      ]
      says(await chasqui(publish), 'DISK_FULL', 5)
      assert.deepEqual(await json(['publisher', 'releases', '--home', own]), [])
      execFileSync('mount', ['-o', 'remount,size=60000k', tight])
      await json(publish)
    }
  )

  it('an apply on top of a rollback that failed: APPLY_BLOCKED, status 7; settled by hand, it is listed', async () => {
    const shop = lab.path('live', 'blocked')
    const dump = `backup = ["sh", "-c", 'echo dump > "$0"', "{backup}"]`
    const check = `{ kind = "command", command = ["grep", "-q", "1.0.0", "${shop}/version.txt"], retries = 0 }`
    const commands = `stop = ["true"]\nstart = ["true"]\n${dump}\nrestore = ["false"]\nmigrate = ["true", "{from}"]`
    await configure(shopConfig(shop, `checks = [${check}]\n[apps.shop.commands]\n${commands}`))
    await json(['node', 'apply', '--home', home])
    await writeTree(lab.path('shop'), { 'version.txt': '2.0.0\n' })
    await lab.publish(lab.path('shop'), '--module', 'shop', '--version', '2.0.0')
    await json(['usb-sync', 'export', lab.path('stick'), '--home', lab.home('publisher')])
    await json(['usb-sync', 'import', lab.path('stick'), '--home', home])
    const failed = await json<{ result: string }>(['node', 'apply', '--home', home], 7)
    assert.equal(failed.result, 'rollback-failed')
    says(await chasqui(['node', 'apply', '--home', home]), 'APPLY_BLOCKED', 7)
    await json(['node', 'recover', '--give-up', '--home', home])
    const { setAside } = await json<{ setAside: { path: string }[] }>(['node', 'status', '--home', home])
    const held = await Promise.all(setAside.map(async ({ path }) => ({ path, names: await readdir(path) })))
    const backup = held.find(({ names }) => names.includes('database'))?.path
    assert.ok(backup !== undefined, JSON.stringify(held))
    const listed = await json<{ kind: string; path: string }[]>(['node', 'backups', '--home', home])
    for (const { path } of setAside)
      assert.ok(listed.some((one) => one.kind === 'set-aside' && one.path === path))
  })
})
