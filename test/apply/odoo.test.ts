// The pure parts of the odoo profile: odoo.conf, the verdict on an upgrade's log, and which modules need one.
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { changedPaths, isStaticOnly, versionIn } from '../../node/profiles/odoo/changes.ts'
import { parseOdooConf, withoutLogOptions } from '../../node/profiles/odoo/configuration.ts'
import { likeOptions } from '../../node/profiles/odoo/postgres.ts'
import { isRecordedVersion, judgeUpgrade, wasDiskFull } from '../../node/profiles/odoo/verdict.ts'
import { manifestOf } from './simulated-branch.ts'

describe('odoo.conf', () => {
  test('reads what is needed, with continued lines and False for "not set"', () => {
    const text =
      '; comment\n[options]\naddons_path = /a,\n  /b\ndata_dir = /var/lib/odoo\ndb_host = False\ndb_user: odoo\nxmlrpc_port = 8070\n[queue_job]\nchannels = root:2\n'
    const found = parseOdooConf(text, 'odoo.conf')
    assert.deepEqual(found.addonsPath, ['/a', '/b'])
    assert.deepEqual(
      [found.host, found.user, found.httpPort, found.dataDirectory],
      [undefined, 'odoo', 8070, '/var/lib/odoo']
    )
  })
  test('refuses one without data_dir, where the filestore would be a guess', () => {
    assert.throws(() => parseOdooConf('[options]\n', 'odoo.conf'), { code: 'ODOO_CONFIG_INVALID' })
  })
})

describe('odoo.conf and the log', () => {
  const rows: [line: string, quiet: boolean][] = [
    ['syslog = True', true],
    ['syslog = False', false],
    ['log_handler = :WARNING', true],
    ['log_handler = :INFO,werkzeug:CRITICAL', true],
    ['log_handler = :INFO', false],
    ['log_level = warn', false]
  ]
  for (const [text, quiet] of rows) {
    test(`${text}: ${quiet ? 'a copy without it is used' : 'the command line is enough'}`, () => {
      assert.equal(parseOdooConf(`[options]\ndata_dir = /d\n${text}\n`, 'odoo.conf').isQuiet, quiet)
    })
  }
  test('the copy has everything else, continued lines too', () => {
    const text =
      '[options]\nsyslog = True\naddons_path = /a,\n  /b\nlog_handler = :INFO,\n  x:ERROR\ndb_user = odoo\n'
    assert.equal(withoutLogOptions(text), '[options]\naddons_path = /a,\n  /b\ndb_user = odoo\n')
  })
})

describe('a database like another one', () => {
  const row = { encoding: 'UTF8', datcollate: 'C', datctype: 'es_PE.utf8' }
  const libc = `encoding 'UTF8' lc_collate 'C' lc_ctype 'es_PE.utf8'`
  const rows: [name: string, row: Parameters<typeof likeOptions>[0], more: string][] = [
    ['PostgreSQL 14', row, ''],
    ['15, libc', { ...row, datlocprovider: 'c', daticulocale: null }, ''],
    [
      '15, ICU',
      { ...row, datlocprovider: 'i', daticulocale: 'es' },
      ` locale_provider 'icu' icu_locale 'es'`
    ],
    [
      '17, ICU with rules',
      { ...row, datlocprovider: 'i', datlocale: 'es', daticurules: "&a<'b'" },
      ` locale_provider 'icu' icu_locale 'es' icu_rules '&a<''b'''`
    ],
    [
      '17, builtin',
      { ...row, datlocprovider: 'b', datlocale: 'C.UTF-8' },
      ` locale_provider 'builtin' builtin_locale 'C.UTF-8'`
    ]
  ]
  for (const [name, found, more] of rows) {
    test(name, () => assert.equal(likeOptions(found), libc + more))
  }
})

test('a full disk is not the fault of a release', () => {
  assert.ok(wasDiskFull('psycopg2.errors.DiskFull: could not extend file "base/1": No space left on device'))
  assert.ok(
    wasDiskFull('ERROR:  no se pudo extender el archivo «base/1»: No queda espacio en el dispositivo')
  )
  assert.ok(!wasDiskFull('ERROR: could not write the report'))
})

const line = (level: string, text: string) =>
  `2026-01-01 03:00:00,000 42 ${level} tienda odoo.modules.loading: ${text}\n`
const LOADED = line('INFO', 'Modules loaded.')

describe('the verdict on an upgrade', () => {
  const rows: [name: string, status: number, log: string, wrong: RegExp | null][] = [
    ['a good one', 0, line('INFO', 'loading') + LOADED, null],
    ['a warning is none', 0, line('WARNING', 'deprecated ERROR code') + LOADED, null],
    [
      'a status',
      255,
      `${line('CRITICAL', 'Failed to initialize database')}Traceback\nException: boom\n`,
      /255: .*Failed.* – Exception: boom/
    ],
    ['an error with status 0', 0, line('ERROR', 'column cannot be set') + LOADED, /logged an error/],
    [
      'a module that it does not know',
      0,
      line('WARNING', 'invalid module names, ignored: x') + LOADED,
      /did not do it/
    ],
    [
      'a module that is not installable',
      0,
      line('INFO', 'module x: not installable, skipped') + LOADED,
      /did not do it/
    ],
    [
      'a required field that rows lack',
      0,
      line('WARNING', 'Missing not-null constraint on x.code') + LOADED,
      /did not do it/
    ],
    ['killed before the end', 0, line('INFO', 'loading'), /before its modules were loaded/]
  ]
  for (const [name, status, log, wrong] of rows) {
    test(name, () => {
      const found = judgeUpgrade(status, log)
      if (wrong === null) assert.equal(found, null)
      else assert.match(found ?? '', wrong)
    })
  }
  test('short versions are recorded with their series', () => {
    assert.ok(isRecordedVersion('1.2', '17.0.1.2', '17.0'))
    assert.ok(isRecordedVersion('17.0.1.2', '17.0.1.2', '17.0'))
    assert.ok(!isRecordedVersion('1.2', '17.0.1.1', '17.0'))
  })
})

describe('which modules need an upgrade', () => {
  const manifest = (version: string, data = "['a.xml']") =>
    `{'name': 'x', 'version': '${version}', 'data': ${data}}`
  const changed = (before: Record<string, string>, after: Record<string, string>) =>
    changedPaths(manifestOf(before), manifestOf(after))
  test('a picture and the version: a restart', () => {
    const paths = changed(
      { '__manifest__.py': 'a', 'static/x.png': '1' },
      { '__manifest__.py': 'b', 'static/x.png': '2' }
    )
    assert.ok(isStaticOnly(paths, { before: manifest('1.0'), after: manifest('1.1') }))
  })
  test('another list of data files: an upgrade', () => {
    assert.ok(
      !isStaticOnly(['__manifest__.py'], { before: manifest('1.0'), after: manifest('1.1', "['b.xml']") })
    )
  })
  test('a manifest that cannot be read: an upgrade', () => {
    assert.ok(!isStaticOnly(['__manifest__.py'], { before: manifest('1.0'), after: 'import os' }))
    assert.equal(versionIn('import os'), null)
  })
  test('Python, XML or a translation: an upgrade', () => {
    for (const path of ['models/a.py', 'views/a.xml', 'i18n/es.po']) assert.ok(!isStaticOnly([path], null))
  })
})
