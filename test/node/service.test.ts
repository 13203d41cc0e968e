// The daemon as a service: what is written, in which order the manager hears of it, and that nothing is left where none answers.
import assert from 'node:assert/strict'
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { systemdUnit, windowsTask } from '../../node/services/daemon-unit.ts'
import {
  type DaemonManager,
  installService,
  planService,
  type ServiceWorld,
  uninstallService
} from '../../node/services/install-daemon.ts'
import { realFileSystem } from '../../src/system/real-file-system.ts'
import { chasqui, json } from '../e2e/support.ts'

const unit = {
  name: 'Norte 100%\nExecStartPre=evil',
  home: '/srv/with space/$x',
  program: ['/opt/node', '/opt/chasqui.js'],
  user: 1000,
  before: ['odoo', 'shop.service']
}

async function makeWorld(t: TestContext, refuses: string[] = []) {
  const unitFolder = await mkdtemp(join(tmpdir(), 'chasqui-service-'))
  t.after(() => rm(unitFolder, { recursive: true, force: true }))
  const heard: string[] = []
  const world: ServiceWorld = {
    fs: realFileSystem,
    unitFolder,
    async run(command) {
      heard.push(command.join(' '))
      return refuses.some((word) => command.includes(word))
        ? { status: 1, output: 'no bus' }
        : { status: 0, output: '' }
    }
  }
  return { world, heard, unitFolder }
}

test('a systemd unit says what the daemon needs, and no name becomes a line of its own', () => {
  const text = systemdUnit(unit)
  assert.match(text, /^ExecStart=\/opt\/node \/opt\/chasqui\.js node run --home "\/srv\/with space\/\$\$x"$/m)
  assert.match(text, /^Before=odoo\.service shop\.service$/m)
  assert.match(text, /^User=1000$/m)
  assert.match(text, /^KillMode=process$/m)
  assert.match(text, /^Description=Chasqui node Norte 100%% ExecStartPre=evil$/m)
  assert.doesNotMatch(systemdUnit({ ...unit, user: null, before: [] }), /^(User|Before)=/m)
})

test('a task of Windows quotes what has spaces, for XML and for the program', () => {
  const home = 'C:\\Program Data\\a & b\\'
  const text = windowsTask({ ...unit, home })
  assert.match(
    text,
    /<Arguments>\/opt\/chasqui\.js node run --home &quot;C:\\Program Data\\a &amp; b\\\\&quot;<\/Arguments>/
  )
  assert.match(text, /<UserId>S-1-5-18<\/UserId>/)
})

for (const kind of ['systemd', 'windows'] satisfies DaemonManager[]) {
  test(`${kind}: installed, again, and taken away once`, async (t) => {
    const { world, heard, unitFolder } = await makeWorld(t)
    const planned = planService(world, kind, { ...unit, home: unitFolder })
    await installService(world, planned)
    await installService(world, planned)
    const written = await readFile(planned.file)
    const text =
      kind === 'windows' ? written.toString('utf16le').slice(1).replaceAll('\r\n', '\n') : `${written}`
    assert.equal(text, planned.text)
    assert.match(heard.at(-1) ?? '', /restart|Run/)
    assert.equal(await uninstallService(world, kind, unitFolder), true)
    assert.equal(await uninstallService(world, kind, unitFolder), false)
    assert.deepEqual(await readdir(unitFolder), [])
  })
}

test('where no manager answers nothing is written; a command of it that fails is named', async (t) => {
  const silent = await makeWorld(t, ['show'])
  const planned = planService(silent.world, 'systemd', unit)
  await assert.rejects(installService(silent.world, planned), { code: 'SERVICE_UNREACHABLE' })
  assert.deepEqual(await readdir(silent.unitFolder), [])
  const failing = await makeWorld(t, ['restart'])
  const error = { code: 'PROCESS_FAILED', message: /systemctl restart chasqui\.service/, hint: 'no bus' }
  await assert.rejects(installService(failing.world, planService(failing.world, 'systemd', unit)), error)
})

test('on the command line: print needs no home, install does', async (t) => {
  const { unitFolder: folder } = await makeWorld(t)
  const home = ['--home', join(folder, 'none')]
  const { text, file } = await json<{ text: string; file: string }>([
    'node',
    'service',
    'print',
    '--for',
    'systemd',
    ...home
  ])
  assert.equal(file, '/etc/systemd/system/chasqui.service')
  assert.ok(text.includes(`node run --home ${join(folder, 'none')}`), text)
  const { stdout } = await chasqui(['node', 'service', 'print', '--for', 'windows', ...home])
  assert.match(stdout, /^<\?xml /)
  await json(['node', 'service', 'install', '--dry-run', ...home], 4)
  await json(['node', 'service', 'print', '--for', 'launchd', ...home], 2)
})
