import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { appsSchema, isSingleModule } from '../../node/config/apps.ts'

const shop = { profile: 'generic', modules: ['shop'], path: '/opt/shop' }
const till = { ...shop, profile: 'odoo', odoo: { config: '/etc/odoo.conf', databases: ['till'] } }
const ctl = (verb: string) => ['./ctl', verb]

describe('[apps.*]', () => {
  test('has defaults for everything but profile, modules and path', () => {
    const { shop: app } = appsSchema.parse({ shop })
    assert.equal(app?.channel, 'stable')
    assert.equal(app?.auto, 'all')
    assert.deepEqual(app?.['window-missed'], { kind: 'at-boot' })
    assert.equal(app?.['backup-keep'], 5)
    assert.equal(app?.name, 'shop')
  })

  test('takes the examples of the manual', () => {
    const { tienda } = appsSchema.parse({
      tienda: {
        profile: 'odoo',
        modules: ['pos_*', 'l10n_mx_*'],
        channel: 'stable',
        path: '/opt/odoo/custom-addons',
        auto: 'all',
        window: '02:00-06:00',
        'window-missed': 'at-boot',
        keep: ['.env', 'media/**'],
        'backup-keep': 5,
        odoo: { config: '/etc/odoo/odoo.conf', databases: ['tienda'], rehearse: true },
        service: { kind: 'systemd', name: 'odoo' },
        checks: [{ kind: 'http', url: 'http://127.0.0.1:8069/web/login', expect: 200 }]
      }
    })
    assert.equal(tienda?.window?.text, '02:00-06:00')
    assert.equal(isSingleModule(tienda ?? { modules: [] }), false)
  })

  const WRONG: Record<string, [Record<string, unknown>, RegExp]> = {
    ...Object.fromEntries(
      ['oe', 'exe', 'django', 'webapp', 'Odoo'].map((profile) => [
        `the profile ${profile}`,
        [{ ...shop, profile }, /odoo or generic/] as const
      ])
    ),
    'an unknown key': [{ ...shop, pth: '/x' }, /pth/],
    'a relative path': [{ ...shop, path: 'opt/shop' }, /absolute/],
    'a window that is none': [{ ...shop, window: 'at night' }, /expected a window/],
    'a time zone that is none': [{ ...shop, timezone: 'Mars/Base' }, /time zone/],
    'a size without a unit': [{ ...shop, 'backup-size': '20' }, /size like/],
    'stop without start': [{ ...shop, commands: { stop: ctl('stop') } }, /belong together/],
    'backup without restore': [{ ...shop, commands: { backup: ctl('b') } }, /belong together/],
    'a migration that nothing can undo': [
      { ...shop, commands: { migrate: ctl('m') } },
      /needs backup and restore/
    ],
    'an empty command': [{ ...shop, commands: { stop: [], start: ctl('s') } }, /program/],
    'odoo without its part': [{ ...shop, profile: 'odoo' }, /needs \[apps/],
    ...Object.fromEntries(
      ['backup', 'verify', 'restore', 'rehearse', 'migrate', 'lock', 'unlock'].map((name) => [
        `the command ${name} for odoo, which would never be run`,
        [
          { ...till, commands: { [name]: ctl(name) } },
          new RegExp(`commands","${name}.*never be run`)
        ] as const
      ])
    ),
    'the part of odoo in another profile': [{ ...till, profile: 'generic' }, /is for profile = \\"odoo/],
    'a service that stop and start would replace': [
      {
        ...till,
        commands: { stop: ctl('stop'), start: ctl('start') },
        service: { kind: 'systemd', name: 's' }
      },
      /would not be used/
    ],
    'a database name that is none': [
      { ...shop, profile: 'odoo', odoo: { config: '/c', databases: ['a"b'] } },
      /pattern/
    ],
    'an unknown check': [{ ...shop, checks: [{ kind: 'weather' }] }, /kind/],
    'a pattern that is none': [
      { ...shop, checks: [{ kind: 'log', path: 'x', pattern: '(' }] },
      /regular expression/
    ]
  }
  for (const [name, [config, message]] of Object.entries(WRONG)) {
    test(`refuses ${name}`, () => {
      const found = appsSchema.safeParse({ shop: config })
      assert.equal(found.success, false)
      assert.match(JSON.stringify(found.error?.issues), message)
    })
  }

  test('takes an Odoo that is stopped and started by commands', () => {
    const commands = { stop: ctl('stop'), start: ctl('start'), status: ctl('status'), timeout: '5 min' }
    const found = appsSchema.safeParse({ shop: { ...till, commands, service: { kind: 'none' } } })
    assert.ok(found.success, JSON.stringify(found.error))
  })

  test('a migration without a backup when the operator says so', () => {
    assert.ok(
      appsSchema.safeParse({ shop: { ...shop, 'backup-database': false, commands: { migrate: ctl('m') } } })
        .success
    )
  })
})
