// The node group as it is typed: exit statuses, one line of error with a hint, one JSON document.
import assert from 'node:assert/strict'
import { mkdir, mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, it } from 'node:test'
import { runPublisherCommand } from '../../publisher/commands.ts'
import { initPublisher } from '../../publisher/init.ts'
import { homePaths, lockHome } from '../../src/system/home.ts'
import { chasqui, json } from '../e2e/support.ts'
import { context } from './support.ts'

let folder: string
let invite: string
const path = (...parts: string[]) => join(folder, ...parts)

async function makeFleet(name: string, expires = 3_600_000): Promise<string> {
  const paths = homePaths(path(name))
  await initPublisher({ paths, name, threshold: 1, signers: 1, passphrase: null, now: Date.now() })
  const made = await runPublisherCommand(paths, 'invite', { name: 'norte', expires }, context)
  return (made as { invite: string }).invite
}

before(async () => {
  folder = await mkdtemp(join(tmpdir(), 'chasqui-node-cli-'))
  invite = await makeFleet('publisher')
  await writeFile(path('invite.txt'), `${invite.slice(0, 60)}\n${invite.slice(60)}\n`)
  await json(['node', 'join', path('invite.txt'), '--name', 'Sucursal Norte', '--home', path('norte')])
})
after(() => rm(folder, { recursive: true, force: true }))

describe('node on the command line', () => {
  it('joins with a file, names itself, and keeps its secrets to its owner', async () => {
    const status = await json<{ name: string; apps: unknown[] }>(['node', 'status', '--home', path('norte')])
    assert.deepEqual([status.name, status.apps], ['Sucursal Norte', []])
    for (const file of ['keys/node.json', 'keys/fleet.json', 'keys/membership.bin', 'home.json']) {
      assert.equal((await stat(path('norte', file))).mode & 0o077, 0, file)
    }
  })

  const refused: [what: string, args: () => string[], status: number, code: string][] = [
    ['no invite', () => ['join', 'nothing-here'], 4, 'INVITE_NOT_FOUND'],
    ['a truncated invite', () => ['join', invite.slice(0, -30)], 3, 'INVITE_DAMAGED'],
    [
      'a mistyped invite',
      () => ['join', invite.slice(0, 50) + (invite[50] === 'y' ? 'b' : 'y') + invite.slice(51)],
      3,
      'INVITE_DAMAGED'
    ],
    ['a home that is taken', () => ['join', invite, '--home', path('norte')], 2, 'HOME_EXISTS'],
    ['no home', () => ['status'], 4, 'HOME_MISSING'],
    ['a home of the other role', () => ['status', '--home', path('publisher')], 2, 'HOME_OTHER_ROLE'],
    ['a command that is none', () => ['stauts'], 2, 'USAGE'],
    ['a PIN in no file', () => ['join', invite, '--pin-file', path('no-pin')], 2, 'SECRET_FILE'],
    ['an option that is none', () => ['status', '--nope'], 2, 'USAGE'],
    [
      'a key that is none',
      () => ['config', 'get', 'node.nmae', '--home', path('norte')],
      2,
      'CONFIG_UNKNOWN_KEY'
    ],
    [
      'a value that is none',
      () => ['config', 'set', 'node.carry', 'some', '--home', path('norte')],
      2,
      'CONFIG_INVALID'
    ],
    ['an app that is none', () => ['plan', '--app', 'x', '--home', path('norte')], 4, 'APP_UNKNOWN']
  ]
  for (const [what, args, status, code] of refused) {
    it(`refuses ${what} with status ${status} and leaves nothing half-done`, async () => {
      const given = args()
      const home = given.includes('--home') ? [] : ['--home', path('fresh')]
      const asJson = await chasqui(['node', ...given, ...home, '--json'])
      assert.equal(asJson.status, status, asJson.stdout + asJson.stderr)
      const { error } = JSON.parse(asJson.stdout) as {
        error: { code: string; message: string; hint: string }
      }
      assert.equal(error.code, code)
      assert.ok(error.message.length > 0 && error.hint.length > 0)
      assert.match(asJson.stderr, new RegExp(`^chasqui: ${code}: .+\\nhint: .+\\n$`))
      await assert.rejects(stat(path('fresh', 'home.json')))
    })
  }

  it('refuses an invite that has run out', async () => {
    const late = await makeFleet('other', 1)
    const { error } = await json<{ error: { code: string } }>(
      ['node', 'join', late, '--home', path('late')],
      3
    )
    assert.equal(error.code, 'INVITE_EXPIRED')
  })

  it('changes one value of chasqui.toml and leaves the rest as it was', async () => {
    const home = path('norte')
    await writeFile(join(home, 'chasqui.toml'), '[node] # mine\nname = "Norte" # short\n')
    assert.deepEqual(await json(['node', 'config', 'set', 'node.carry', 'mine', '--home', home]), {
      key: 'node.carry',
      value: 'mine'
    })
    assert.equal(
      await readFile(join(home, 'chasqui.toml'), 'utf8'),
      '[node] # mine\ncarry = "mine"\nname = "Norte" # short\n'
    )
    await writeFile(join(home, 'chasqui.toml'), '[node]\nnmae = "x"\n')
    const broken = await chasqui(['node', 'status', '--home', home])
    assert.equal(broken.status, 2)
    assert.match(broken.stderr, /chasqui\.toml: node\.nmae: unknown key\nhint: did you mean "name"\?/)
    await rm(join(home, 'chasqui.toml'))
  })

  it('is busy while another process has the home', async () => {
    const lock = await lockHome(homePaths(path('norte')))
    const { error } = await json<{ error: { code: string } }>(['node', 'status', '--home', path('norte')], 8)
    await lock.release()
    assert.equal(error.code, 'HOME_LOCKED')
  })

  it('says that a folder in the way is no home', async () => {
    await mkdir(path('empty'), { recursive: true })
    const { error } = await json<{ error: { code: string } }>(['node', 'run', '--home', path('empty')], 4)
    assert.equal(error.code, 'HOME_MISSING')
  })
})
