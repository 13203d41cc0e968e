import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { createEngine } from '../../node/apply/engine.ts'
import type { EngineParts, HttpAnswer } from '../../node/apply/parts.ts'
import { assetsOf } from '../../node/checks/http.ts'
import { SimulatedBranch } from './simulated-branch.ts'

const FILES = { 'version.txt': '1.0.0', 'conf/app.json': '{"a":1}', 'conf/app.ini': '[a]\nb = 1\n# c\n' }
const PAGE = '<link rel="stylesheet" href="/a.css"><script src="b.js?x=1&amp;y=2"></script><script>1</script>'

const pages: Record<string, HttpAnswer> = {
  'http://127.0.0.1/ok': { status: 200, body: `hello ${PAGE}`, type: 'text/html' },
  'http://127.0.0.1/a.css': { status: 200, body: '', type: 'text/css' },
  'http://127.0.0.1/b.js?x=1&y=2': { status: 200, body: '', type: '' },
  'http://127.0.0.1/bare/page': { status: 200, body: PAGE, type: 'text/html' },
  'http://127.0.0.1/moved': { status: 302, body: '', type: '' }
}
const http: EngineParts['http'] = {
  async get(url) {
    const found = pages[url]
    if (found !== undefined) return found
    if (url.includes('closed')) throw new Error('connect ECONNREFUSED')
    return { status: 404, body: '', type: '' }
  }
}

interface Row {
  check: Record<string, unknown>
  ok: boolean
  says: RegExp
  prepare?(branch: SimulatedBranch): void | Promise<void>
}

const ROWS: Record<string, Row> = {
  'files as released': { check: { kind: 'files' }, ok: true, says: /as released/ },
  'a file that was edited': {
    check: { kind: 'files' },
    ok: false,
    says: /shop\/version.txt/,
    prepare: (branch) => branch.disk.plant('/srv/shop/version.txt', '6.6.6')
  },
  'a path that must be there': {
    check: { kind: 'files', paths: ['media'] },
    ok: false,
    says: /media is missing/
  },
  'a service that runs': { check: { kind: 'service' }, ok: true, says: /runs/ },
  'a service that does not': {
    check: { kind: 'service' },
    ok: false,
    says: /does not run/,
    prepare: (branch) => {
      branch.till.running = false
    }
  },
  'a database command': {
    check: { kind: 'database', command: ['/bin/ctl', 'health'] },
    ok: true,
    says: /well/
  },
  'a database without a command': { check: { kind: 'database' }, ok: false, says: /give a command/ },
  'http 200': { check: { kind: 'http', url: 'http://127.0.0.1/ok' }, ok: true, says: /200/ },
  'http with its text': {
    check: { kind: 'http', url: 'http://127.0.0.1/ok', text: 'hello' },
    ok: true,
    says: /200/
  },
  'http without its text': {
    check: { kind: 'http', url: 'http://127.0.0.1/ok', text: 'bye' },
    ok: false,
    says: /"bye"/
  },
  'http with all assets': {
    check: { kind: 'http', url: 'http://127.0.0.1/ok', assets: true },
    ok: true,
    says: /2 style/
  },
  'http with an asset gone': {
    check: { kind: 'http', url: 'http://127.0.0.1/bare/page', assets: true },
    ok: false,
    says: /bare\/b.js.* answers 404/
  },
  'a redirect is not followed': {
    check: { kind: 'http', url: 'http://127.0.0.1/moved' },
    ok: false,
    says: /answers 302/
  },
  'a redirect that is expected': {
    check: { kind: 'http', url: 'http://127.0.0.1/moved', expect: [302, 303] },
    ok: true,
    says: /302/
  },
  'nobody answers': {
    check: { kind: 'http', url: 'http://127.0.0.1/closed' },
    ok: false,
    says: /does not answer/
  },
  'a place that can be written': {
    check: { kind: 'permissions', paths: ['.'], access: 'write' },
    ok: true,
    says: /write/
  },
  'a file that can be written keeps its mode': {
    check: { kind: 'permissions', paths: ['version.txt'], access: 'write' },
    ok: true,
    says: /write/
  },
  'a place that is missing': { check: { kind: 'permissions', paths: ['gone'] }, ok: false, says: /missing/ },
  'configuration that parses': {
    check: { kind: 'config', paths: ['conf/app.json', 'conf/app.ini'] },
    ok: true,
    says: /2 files/
  },
  'configuration that does not': {
    check: { kind: 'config', paths: ['conf/app.json'] },
    ok: false,
    says: /JSON/,
    prepare: (branch) => branch.disk.plant('/srv/shop/conf/app.json', '{')
  },
  'the version in a file': { check: { kind: 'version' }, ok: true, says: /1\.0\.0/ },
  'the version by a pattern': {
    check: { kind: 'version', file: 'conf/app.json', pattern: '"a":(.)' },
    ok: false,
    says: /is 1, not 1\.0\.0/
  },
  'a clean log': {
    check: { kind: 'log', path: '/var/app.log' },
    ok: true,
    says: /no line/,
    prepare: (branch) => branch.disk.plant('/var/app.log', 'all INFO well\n')
  },
  'a log with an error': {
    check: { kind: 'log', path: '/var/app.log' },
    ok: false,
    says: /1 lines.*ERROR boom/,
    prepare: (branch) => branch.disk.plant('/var/app.log', 'x INFO fine\nx ERROR boom\n')
  },
  'the last transaction': { check: { kind: 'history' }, ok: true, says: /committed/ },
  'a command': { check: { kind: 'command', command: ['/bin/ctl', 'health'] }, ok: true, says: /well/ },
  'a command with another status': {
    check: { kind: 'command', command: ['/bin/ctl', 'nonsense'], status: 64 },
    ok: true,
    says: /no verb/
  }
}

describe('checks', () => {
  for (const [name, { check, ok, says, prepare }] of Object.entries(ROWS)) {
    test(`${name} → ${ok ? 'ok' : 'failed'}`, async () => {
      const branch = new SimulatedBranch({ config: { checks: [] }, parts: { http } })
      await branch.install({ module: 'shop', version: '1.0.0', files: FILES })
      await prepare?.(branch)
      const checked = new SimulatedBranch({ config: { checks: [check] } }).app
      const [result] = await createEngine(branch.parts).validate(checked)
      assert.equal(result?.ok, ok, result?.message)
      assert.match(result?.message ?? '', says)
    })
  }

  test('one check by its name, and the names that there are for one that there is not', async () => {
    const checks = [{ kind: 'history' }, { kind: 'service', name: 'till' }, { kind: 'history' }]
    const branch = new SimulatedBranch({ config: { checks } })
    const found = await branch.engine().validate(branch.app, ['till', 'history-2'])
    assert.deepEqual(
      found.map((one) => one.name),
      ['till', 'history-2']
    )
    await assert.rejects(branch.engine().validate(branch.app, ['nope']), {
      code: 'CHECK_UNKNOWN',
      hint: /history, till, history-2/
    })
  })

  test('after an update a check is tried again until it is right, and errors from before the start do not count', async () => {
    const checks = [
      { kind: 'command', command: ['/bin/ctl', 'health'], retries: 3 },
      { kind: 'log', path: '/var/app.log' }
    ]
    const branch = new SimulatedBranch({ config: { checks } })
    branch.disk.plant('/var/app.log', 'old ERROR from yesterday\n')
    await branch.install({ module: 'shop', version: '1.0.0', files: FILES })
    branch.till.faults = { sickVersion: '2.0.0' }
    const parts = branch.parts
    let waits = 0
    const clock = {
      now: parts.clock.now,
      sleep: async () => {
        if (++waits === 2) branch.till.faults = {}
      }
    }
    const request = branch.request({
      module: 'shop',
      version: '2.0.0',
      from: '1.0.0',
      files: { 'version.txt': '2.0.0' }
    })
    const result = await createEngine({ ...parts, clock }).apply(request)
    assert.equal(result.result, 'committed', JSON.stringify(result.error))
    assert.deepEqual(
      result.checks?.map((one) => one.tries),
      [3, 1]
    )
  })

  const sick = { kind: 'command', command: ['/bin/ctl', 'health'], retries: 0 }
  const next = { module: 'shop', version: '2.0.0', from: '1.0.0', files: { 'version.txt': '2.0.0' } }

  test('an application that fails its checks already is not updated, and the release is not blamed', async () => {
    const branch = new SimulatedBranch({ config: { checks: [sick] } })
    await branch.install({ module: 'shop', version: '1.0.0', files: FILES })
    branch.till.faults = { sickVersion: '1.0.0' }
    const calls = branch.till.calls.length
    const refused = await branch.engine().apply({ ...branch.request(next), force: false })
    assert.deepEqual([refused.result, refused.error?.code], ['refused', 'CHECK_FAILING_BEFORE'])
    assert.equal(
      branch.till.calls.slice(calls).some((call) => call.startsWith('stop')),
      false
    )
    assert.deepEqual(await branch.engine().quarantine('shop'), [])
    branch.till.running = false
    const closed = await branch.engine().apply({ ...branch.request(next), force: false })
    assert.equal(closed.result, 'committed', 'one that does not run is not asked')
  })

  test('what fails before and after is not held against a release that somebody forces', async () => {
    const checks = [sick, { kind: 'files' }]
    const branch = new SimulatedBranch({ config: { checks } })
    await branch.install({ module: 'shop', version: '1.0.0', files: FILES })
    branch.till.faults = { sickVersion: '1.0.0' }
    const request = { ...branch.request(next), force: true }
    assert.equal((await branch.engine().apply(request)).result, 'committed')
  })

  test('on demand, errors count from the last start on', async () => {
    const branch = new SimulatedBranch({ config: { checks: [{ kind: 'log', path: '/var/app.log' }] } })
    branch.disk.plant('/var/app.log', 'old ERROR from yesterday\n')
    await branch.install({ module: 'shop', version: '1.0.0', files: FILES })
    const look = async () => (await branch.engine().validate(branch.app))[0]?.ok
    assert.equal(await look(), true)
    branch.disk.plant('/var/app.log', 'old ERROR from yesterday\nnew ERROR today\n')
    assert.equal(await look(), false)
  })

  test('a log that is a symlink is the file of the day: what is new in it counts, and all of the next one', async () => {
    const branch = new SimulatedBranch({ config: { checks: [{ kind: 'log', path: '/var/app.log' }] } })
    branch.disk.plant('/var/log/monday.log', 'old ERROR from yesterday\n')
    await branch.disk.makeLink('log/monday.log', '/var/app.log')
    await branch.install({ module: 'shop', version: '1.0.0', files: FILES })
    const look = async () => (await branch.engine().validate(branch.app))[0]?.ok
    assert.equal(await look(), true)
    branch.disk.plant('/var/log/monday.log', 'old ERROR from yesterday\nnew ERROR today\n')
    assert.equal(await look(), false)
    branch.disk.plant('/var/log/tuesday.log', 'a good day\n')
    await branch.disk.remove('/var/app.log')
    await branch.disk.makeLink('log/tuesday.log', '/var/app.log')
    assert.equal(await look(), true)
    branch.disk.plant('/var/log/tuesday.log', 'a ERROR day\n')
    assert.equal(await look(), false)
    await branch.disk.remove('/var/log/tuesday.log')
    assert.equal(await look(), true, 'one that leads nowhere says nothing')
  })

  test('settings and the version may be symlinks', async () => {
    const checks = [
      { kind: 'config', paths: ['/etc/app.json'] },
      { kind: 'version', file: '/etc/version' }
    ]
    const branch = new SimulatedBranch({ config: { checks } })
    branch.disk.plant('/etc/real/app.json', '{}')
    await branch.disk.makeLink('real/app.json', '/etc/app.json')
    await branch.disk.makeLink('/srv/shop/version.txt', '/etc/version')
    const update = branch.request({ module: 'shop', version: '1.0.0', files: FILES, from: null })
    const result = await branch.engine().apply(update)
    assert.equal(result.result, 'committed', JSON.stringify(result))
  })

  test('assets of other hosts are none of ours', () => {
    const page = '<script src="https://cdn.example/x.js"></script><link rel=icon href="/i.png">'
    assert.deepEqual(assetsOf(page, 'http://127.0.0.1/'), [])
  })
})
