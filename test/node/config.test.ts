import assert from 'node:assert/strict'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, it } from 'node:test'
import { editConfig } from '../../node/config/edit.ts'
import { parseNodeConfig, writtenNodeConfig } from '../../node/config/load.ts'
import { lookAtPlace } from '../../node/config/places.ts'
import { listConfig } from '../../node/config-command.ts'
import type { ChasquiError } from '../../src/errors.ts'

const FILE = '/home/chasqui.toml'

/** The example of the command line's contract, as it stands there. */
const EXAMPLE = `
[node]
name = "Sucursal Norte"
environment = "production"        # development | staging | production
carry = "all"                     # mine | all
carry-max = "20 GiB"
max-memory = "300 MiB"

[links]
lan = true
internet = true
peers = ["10.8.0.12:49800"]
[links.internet]
down = "2 Mbit/s"
hours = "20:00-07:00"

[apps.tienda]
profile = "odoo"
modules = ["pos_*", "l10n_mx_*"]
channel = "stable"
path = '/opt/odoo/custom-addons'
auto = "all"                      # none | critical | minor | all
window = "02:00-06:00"
window-missed = "at-boot"           # at-boot | ask | after 3 days
keep = [".env", "media/**"]       # never replaced
backup-keep = 5
[apps.tienda.odoo]
config = "/etc/odoo/odoo.conf"
databases = ["tienda"]
rehearse = true
[apps.tienda.service]
kind = "systemd"                  # systemd | windows | compose | command | none
name = "odoo"
[[apps.tienda.checks]]
kind = "http"
url = "http://127.0.0.1:8069/web/login"
expect = 200
`

const GENERIC = `
[apps.shop]
profile = "generic"
modules = ["shop"]
path = "/opt/shop"
[apps.shop.commands]              # argv arrays
stop = ["./ctl", "stop"]
start = ["./ctl", "start"]
backup = ["./ctl", "dump", "{backup}"]
restore = ["./ctl", "load", "{backup}"]
migrate = ["./ctl", "migrate", "{from}", "{to}"]
`

function failure(text: string): ChasquiError {
  try {
    parseNodeConfig(text, FILE)
  } catch (error) {
    return error as ChasquiError
  }
  throw new assert.AssertionError({ message: `accepted: ${text}` })
}

describe('chasqui.toml', () => {
  it('reads networks of the site, classes of static peers and the day of gossip', () => {
    const { links } = parseNodeConfig(
      `[links]
lan = { networks = ["10.20.0.0/16", "fd00::/8"] }
internet = { gossip-daily = "5 MB" }
peers = ["a:1", { address = "10.8.0.12:49800", class = "metered" }]
`,
      FILE
    )
    assert.deepEqual(links.lan.networks, ['10.20.0.0/16', 'fd00::/8'])
    assert.equal(links.internet['gossip-daily'], 5_000_000)
    assert.deepEqual(links.peers, ['a:1', { address: '10.8.0.12:49800', class: 'metered' }])
    assert.equal(failure('[links]\nlan = { networks = ["10.20.0.0"] }\n').code, 'CONFIG_INVALID')
  })

  it('reads the examples of the contract', () => {
    const config = parseNodeConfig(EXAMPLE, FILE)
    assert.equal(config.node.name, 'Sucursal Norte')
    assert.equal(config.node['carry-max'], 20 * 2 ** 30)
    assert.equal(config.links.internet.enabled, true)
    assert.equal('down' in config.links.internet && config.links.internet.down, 250_000)
    assert.deepEqual(config.links.peers, ['10.8.0.12:49800'])
    assert.equal(config.apps.tienda?.window?.text, '02:00-06:00')
    assert.deepEqual(parseNodeConfig(GENERIC, FILE).apps.shop?.commands?.stop, ['./ctl', 'stop'])
  })

  it('has a default for everything', () => {
    const config = parseNodeConfig('', FILE)
    assert.equal(config.node.environment, 'production')
    assert.equal(config.links.lan.enabled, true)
    assert.deepEqual(config.apps, {})
  })

  it('takes a switch in [links] for the table of the same name', () => {
    const off = parseNodeConfig('[links]\ninternet = false\n[links.internet]\ndown = "1 MB/s"', FILE)
    assert.equal(off.links.internet.enabled, false)
    assert.equal(parseNodeConfig('[links]\nlan = false', FILE).links.lan.enabled, false)
    assert.equal(parseNodeConfig('[links.lan]\nup = "1 MB/s"', FILE).links.lan.enabled, true)
    const rates = '[[links.internet.rates]]\nhours = "08:00-18:00"\nup = "1 kB/s"'
    const hourly = parseNodeConfig(`[links]\ninternet = false\n${rates}`, FILE).links.internet
    assert.deepEqual([hourly.enabled, hourly.rates?.map(({ up }) => up)], [false, [1000]])
  })

  it('lets the environment set single values in place of the file', () => {
    const environment = {
      CHASQUI_HOME: '/elsewhere',
      CHASQUI_NODE_NAME: 'Sur',
      CHASQUI_NODE_CARRY_MAX: '1 GiB',
      CHASQUI_LINKS_INTERNET: 'false',
      CHASQUI_LINKS_PEERS: '["a:1"]',
      CHASQUI_LINKS_LISTEN: ''
    }
    const config = parseNodeConfig(EXAMPLE, FILE, environment)
    assert.deepEqual([config.node.name, config.node['carry-max']], ['Sur', 2 ** 30])
    assert.deepEqual([config.links.internet.enabled, config.links.peers], [false, ['a:1']])
  })

  const blamed: [environment: Record<string, string>, code: string, message: RegExp][] = [
    [{ CHASQUI_NODE_NMAE: 'x' }, 'CONFIG_UNKNOWN_KEY', /^CHASQUI_NODE_NMAE in the environment: node\.nmae/],
    [
      { CHASQUI_NODE_CARRY_MAX: '5' },
      'CONFIG_INVALID',
      /^CHASQUI_NODE_CARRY_MAX in the env.*: node\.carry-max/
    ],
    [{ CHASQUI_LINKS_PEERS: '["a"]' }, 'CONFIG_INVALID', /^CHASQUI_LINKS_PEERS in the env.*peers\[0\]/]
  ]
  for (const [environment, code, message] of blamed) {
    it(`blames a variable of the environment, not the file: ${Object.keys(environment)}`, () => {
      assert.throws(() => parseNodeConfig(EXAMPLE, FILE, environment), { code, message })
    })
  }

  for (const [name, text] of Object.entries({ EXAMPLE, GENERIC, nothing: '' })) {
    it(`is listed as a file that says the same: ${name}`, () => {
      const listed = listConfig(writtenNodeConfig(text, FILE))
      assert.deepEqual(parseNodeConfig(listed, FILE), parseNodeConfig(text, FILE))
    })

    it(`takes each listed value back: ${name}`, () => {
      for (const line of listConfig(writtenNodeConfig(text, FILE)).split('\n')) {
        const [, key = '', value = ''] = /^(\S+) = (.*)$/.exec(line) ?? []
        if (key === 'apps' || key.endsWith('.checks')) continue // tables, which no line holds
        assert.deepEqual(
          parseNodeConfig(editConfig(text, FILE, key, value), FILE),
          parseNodeConfig(text, FILE),
          line
        )
      }
    })
  }

  it('lists values in the units of the file, defaults too', () => {
    const written = writtenNodeConfig(EXAMPLE, FILE) as { node: object; apps: { tienda: object } }
    assert.partialDeepStrictEqual(written, {
      node: { 'carry-max': '20 GiB', 'report-every': '24 h' },
      links: { lan: true, internet: { enabled: true, down: '2 Mbit/s', hours: '20:00-07:00' } },
      apps: {
        tienda: { window: '02:00-06:00', 'window-missed': 'at-boot', odoo: { timeout: '60 min' } }
      }
    })
  })

  const wrong: [what: string, text: string, code: string, message: RegExp, hint?: RegExp][] = [
    ['text that is no TOML', '[node]\nname = ', 'CONFIG_SYNTAX', /chasqui\.toml:2/],
    ['a mistyped table', '[nodes]\n', 'CONFIG_UNKNOWN_KEY', /: nodes: unknown key/, /did you mean "node"/],
    ['a mistyped key', '[node]\nnmae = "x"', 'CONFIG_UNKNOWN_KEY', /: node\.nmae/, /did you mean "name"/],
    [
      'a key of another kind of service',
      `${GENERIC}[apps.shop.service]\nkind = "compose"\nfile = "/srv/c.yml"\nname = "x"`,
      'CONFIG_UNKNOWN_KEY',
      /apps\.shop\.service\.name/,
      /^known here: file, kind, services, timeout$/
    ],
    [
      'a key far from any other',
      '[node]\nqqqqqqqqq = 1',
      'CONFIG_UNKNOWN_KEY',
      /node\.qqqqqqqqq/,
      /known here: carry/
    ],
    [
      'a mistyped key of a table that may be a switch',
      '[links.internet]\ndwon = "1 MB/s"',
      'CONFIG_UNKNOWN_KEY',
      /links\.internet\.dwon/,
      /"down"/
    ],
    [
      'a mistyped key of an app',
      `${GENERIC}[apps.shop.service]\nkind = "systemd"\nnmae = "x"`,
      'CONFIG_UNKNOWN_KEY',
      /apps\.shop\.service\.nmae/,
      /"name"/
    ],
    [
      'a mistyped key of an app itself',
      GENERIC.replace('path =', 'window-mised = "ask"\npath ='),
      'CONFIG_UNKNOWN_KEY',
      /apps\.shop\.window-mised/,
      /"window-missed"/
    ],
    ['a wrong type', '[node]\nname = 5', 'CONFIG_INVALID', /node\.name: expected string, received number/],
    [
      'a choice that is none',
      '[node]\nenvironment = "live"',
      'CONFIG_INVALID',
      /node\.environment: expected one of "development"/
    ],
    [
      'a size without a unit',
      '[node]\ncarry-max = 20',
      'CONFIG_INVALID',
      /carry-max: expected a size such as "20 GiB"/
    ],
    [
      'a rate in the wrong unit',
      '[links.internet]\ndown = "2 apples"',
      'CONFIG_INVALID',
      /links\.internet\.down: expected a rate/
    ],
    [
      'an address without a port',
      '[links]\npeers = ["10.0.0.1"]',
      'CONFIG_INVALID',
      /links\.peers\[0\]: expected host:port/
    ],
    [
      'a window that is none',
      GENERIC.replace('path =', 'window = "night"\npath ='),
      'CONFIG_INVALID',
      /apps\.shop\.window/
    ],
    [
      'a path that is relative',
      GENERIC.replace('/opt/shop', 'shop'),
      'CONFIG_INVALID',
      /apps\.shop\.path: expected an absolute path/
    ],
    [
      'a folder of sticks that is relative',
      '[sticks]\nroots = ["sticks"]',
      'CONFIG_INVALID',
      /sticks\.roots\[0\]: expected an absolute path/
    ],
    [
      'an app without modules',
      '[apps.shop]\nprofile = "generic"\npath = "/opt/shop"',
      'CONFIG_INVALID',
      /apps\.shop\.modules: is missing, expected array$/
    ]
  ]
  for (const [what, text, code, message, hint] of wrong) {
    it(`names file, key and expectation: ${what}`, () => {
      const error = failure(text)
      assert.equal(error.code, code)
      assert.match(error.message, message)
      assert.ok(error.message.startsWith(FILE))
      if (hint !== undefined) assert.match(error.hint ?? '', hint)
    })
  }
})

describe('config set', () => {
  const set = (key: string, value: string) => editConfig(EXAMPLE, FILE, key, value)

  it('changes one value and nothing else', () => {
    const edited = set('apps.tienda.auto', 'critical')
    const before = EXAMPLE.split('\n')
    const changed = edited.split('\n').filter((line, i) => line !== before[i])
    assert.deepEqual(changed, ['auto = "critical" # none | critical | minor | all'])
  })

  it('adds a key to its table, and a table that is not there', () => {
    assert.equal(parseNodeConfig(set('node.stale', 'hold'), FILE).node.stale, 'hold')
    assert.equal(parseNodeConfig(set('sticks.language', 'es'), FILE).sticks.language, 'es')
    assert.equal(parseNodeConfig(editConfig('', FILE, 'node.name', 'x'), FILE).node.name, 'x')
  })

  it('replaces a list that goes over several lines', () => {
    const text = '[links]\npeers = [\n  "a:1", # one\n  "b:2"\n]\nlan = false\n'
    assert.equal(
      editConfig(text, FILE, 'links.peers', '["c:3"]'),
      '[links]\npeers = [ "c:3" ]\nlan = false\n'
    )
  })

  it('takes a number for a text where a text is wanted', () => {
    assert.equal(parseNodeConfig(set('node.name', '5'), FILE).node.name, '5')
  })

  it('leaves what stands as [[tables]] to an editor', () => {
    const checks = '[{ kind = "history" }]'
    assert.throws(() => set('apps.tienda.checks', checks), { code: 'CONFIG_INVALID', message: /in place/ })
  })

  it('refuses what would make the file wrong', () => {
    assert.throws(() => set('node.nmae', 'x'), { code: 'CONFIG_UNKNOWN_KEY' })
    assert.throws(() => set('apps.tienda.auto', 'sometimes'), { code: 'CONFIG_INVALID' })
    assert.throws(() => set('node.name.first', 'x'), { code: 'CONFIG_INVALID' })
  })
})

describe('the place of an app', () => {
  const places: [what: string, path: string[], ok: boolean][] = [
    ['a folder', [], true],
    ['a name in a folder', ['shop'], true],
    ['a name in no folder', ['nowhere', 'shop'], false],
    ['a file', ['file'], false]
  ]
  for (const [what, parts, ok] of places) {
    it(`is ${ok ? 'right' : 'refused'} as ${what}`, async (t) => {
      const folder = await mkdtemp(join(tmpdir(), 'chasqui-place-'))
      t.after(() => rm(folder, { recursive: true }))
      await writeFile(join(folder, 'file'), '')
      assert.equal((await lookAtPlace(join(folder, ...parts))).ok, ok)
    })
  }
})
