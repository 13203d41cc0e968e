// Attacks by those who hold some key of the fleet: a team with its pattern, a second signer, the online machine, a thief of
// a release key. And one flipped byte in every place of every metadata file.
import assert from 'node:assert/strict'
import { ChasquiError } from '../../src/errors.ts'
import { DOWNGRADE, downgradeBytes, emptyChannels } from '../../src/fleet/channels.ts'
import { isDowngradeAllowed } from '../../src/fleet/downgrade.ts'
import { addReleases, delegatePattern, targetEntry } from '../../src/trust/author.ts'
import { toHex } from '../../src/trust/bytes.ts'
import { FleetDraft } from '../../src/trust/draft.ts'
import { signAs } from '../../src/trust/keys.ts'
import { refreshTrust } from '../../src/trust/refresh.ts'
import { verifyTarget } from '../../src/trust/trust.ts'
import { MemoryStore, OWNER, pair, START, setup, signer, TestFleet, utf8 } from '../trust/test-fleet.ts'
import { type AttackCase, attack, harmless } from './table.ts'

/** A fleet with the module shop, and a team "pos" that may release pos_*. */
async function fleetWithTeam(): Promise<TestFleet> {
  const fleet = new TestFleet()
  await fleet.release('shop', '1.0.0')
  const draft = new FleetDraft(await fleet.current(), START)
  delegatePattern(draft, 'pos', 'pos_*', setup(['team']))
  draft.setTarget('t.pos', 'releases/pos_base/default/1.0.0/release.json', targetEntry(utf8('pos')))
  fleet.apply(draft.finish(['targets', 'team', 'online'].map(signer)))
  return fleet
}

/** The team lists a target; the owner (its online key) appends it unseen. */
async function teamLists(path: string): Promise<TestFleet> {
  const fleet = await fleetWithTeam()
  const draft = new FleetDraft(await fleet.current(['channels', 't.pos']), START)
  draft.setTarget('t.pos', path, targetEntry(utf8('hostile')))
  fleet.apply(draft.finish(['team', 'online'].map(signer)))
  return fleet
}

const reach = (name: string, path: string) => ({
  name,
  outcome: 'NOT FOUND',
  async run() {
    const fleet = await teamLists(path)
    const trust = await fleet.branch().refresh(START)
    const found = await trust.target(path)
    assert.notEqual(found?.role, 't.pos', 'the team must not speak for this path')
    const listed = (await trust.listReleases()).filter((release) => release.role === 't.pos')
    assert.deepEqual(
      listed.map((release) => release.path),
      ['releases/pos_base/default/1.0.0/release.json']
    )
  }
})

harmless('a team outside its pattern', [
  reach('another module', 'releases/shop/default/2.0.0/release.json'),
  reach('a release that exists', 'releases/shop/default/1.0.0/release.json'),
  reach('a module whose name only ends right', 'releases/x_pos_y/default/1.0.0/release.json'),
  reach('one level deeper', 'releases/pos_base/default/1.0.0/x/release.json'),
  reach('one level up', 'releases/pos_base/1.0.0/release.json'),
  reach('channels.json', 'channels.json'),
  reach('the list of the revoked', 'fleet/revoked.json'),
  reach('a path with dots', 'releases/pos_/../shop/release.json'),
  reach('no folder at all', 'pos_base')
])

harmless('a team against the owner', [
  {
    name: 'a module of the pattern that has its own role',
    outcome: 'OWN ROLE WINS',
    async run() {
      const fleet = await fleetWithTeam()
      const draft = new FleetDraft(await fleet.current(), START)
      const own = { name: 'm.pos_sale', ...setup(['release']), paths: ['releases/pos_sale/*/*/release.json'] }
      draft.delegate(own)
      draft.setTarget('m.pos_sale', 'releases/pos_sale/default/1.0.0/release.json', targetEntry(utf8('own')))
      fleet.apply(draft.finish(['targets', 'release', 'online'].map(signer)))
      const team = new FleetDraft(await fleet.current(['channels', 't.pos']), START)
      for (const version of ['1.0.0', '6.6.6']) {
        team.setTarget(
          't.pos',
          `releases/pos_sale/default/${version}/release.json`,
          targetEntry(utf8('team'))
        )
      }
      fleet.apply(team.finish(['team', 'online'].map(signer)))
      const trust = await fleet.branch().refresh(START)
      assert.equal((await trust.findRelease('pos_sale', 'default', '1.0.0'))?.role, 'm.pos_sale')
      assert.equal(await trust.findRelease('pos_sale', 'default', '6.6.6'), null)
    }
  },
  {
    name: 'a delegation that was ended',
    outcome: 'NOT FOUND',
    async run() {
      const fleet = await fleetWithTeam()
      const draft = new FleetDraft(await fleet.current(), START)
      draft.removeDelegation('t.pos')
      fleet.apply(draft.finish(['targets', 'online'].map(signer)))
      const trust = await fleet.branch().refresh(START)
      assert.equal(await trust.findRelease('pos_base', 'default', '1.0.0'), null)
    }
  }
])

attack('bytes that were not signed', [
  ...(['another content', '', `${'{"module":"shop","version":"1.0.0"}'} `] as const).map(
    (content): AttackCase => ({
      name: `release.json with ${JSON.stringify(content)}`,
      code: 'TARGET_MISMATCH',
      async run() {
        const fleet = await fleetWithTeam()
        const trust = await fleet.branch().refresh(START)
        const target = await trust.findRelease('shop', 'default', '1.0.0')
        if (target !== null) verifyTarget(target, utf8(content))
      }
    })
  ),
  {
    name: 'the release.json of one module under the path of another',
    code: 'TARGET_MISMATCH',
    async run() {
      const fleet = await fleetWithTeam()
      const trust = await fleet.branch().refresh(START)
      const target = await trust.findRelease('pos_base', 'default', '1.0.0')
      if (target !== null) verifyTarget(target, utf8('{"module":"shop","version":"1.0.0"}'))
    }
  }
])

attack('another fleet', [
  {
    name: 'its feed in the place of ours, to a new branch',
    code: 'FLEET_MISMATCH',
    async run() {
      const [ours, theirs] = [new TestFleet(), new TestFleet({ name: 'Otra' })]
      await ours.branch(theirs.files).refresh(START)
    }
  },
  {
    name: 'its feed in the place of ours, to a branch that has metadata',
    code: 'TUF_SIGNATURES',
    async run() {
      const ours = new TestFleet()
      const theirs = new TestFleet({ name: 'Otra', online: setup(['their online']) }, [
        'root',
        'targets',
        'their online'
      ])
      const branch = ours.branch()
      await branch.refresh(START)
      branch.files = theirs.files
      await branch.refresh(START)
    }
  },
  {
    name: 'no root at all',
    code: 'TUF_MISSING',
    run: () => new TestFleet().branch(new Map()).refresh(START)
  }
])

attack('publishing without the right', [
  {
    name: 'a release without the release key',
    code: 'SIGNATURES_MISSING',
    run: async () => (await fleetWithTeam()).release('shop', '2.0.0', ['online'])
  },
  {
    name: 'a new module without the targets key',
    code: 'SIGNATURES_MISSING',
    run: async () => (await fleetWithTeam()).release('new', '1.0.0', ['release', 'online'])
  },
  {
    name: 'anything without the online key',
    code: 'KEY_MISSING',
    run: async () => (await fleetWithTeam()).release('shop', '2.0.0', ['release'])
  },
  {
    name: 'with a clock behind the last signature',
    code: 'CLOCK_BEHIND',
    async run() {
      const fleet = await fleetWithTeam()
      fleet.now = START - 2 * 60 * 60 * 1000
      await fleet.release('shop', '2.0.0')
    }
  },
  ...['targets', 'Root', '../x', '1', '__proto__'].map(
    (module): AttackCase => ({
      name: `a role called ${module}`,
      code: 'ROLE_NAME',
      async run() {
        const draft = new FleetDraft(await (await fleetWithTeam()).current(), START)
        draft.delegate({ name: module, ...setup(['release']), paths: ['x'] })
      }
    })
  ),
  ...['*/x', '../*', 'A*', '', 'pos_*/x', '{a,b}'].map(
    (pattern): AttackCase => ({
      name: `the pattern ${JSON.stringify(pattern)}`,
      code: 'ROLE_NAME',
      async run() {
        const draft = new FleetDraft(await (await fleetWithTeam()).current(), START)
        delegatePattern(draft, 'x', pattern, setup(['team']))
      }
    })
  ),
  ...[0, 2, 1.5].map(
    (threshold): AttackCase => ({
      name: `a threshold of ${threshold} of 1`,
      code: 'USAGE',
      async run() {
        const draft = new FleetDraft(await (await fleetWithTeam()).current(), START)
        draft.delegate({ name: 'm.x', ...setup(['release'], threshold), paths: ['x'] })
      }
    })
  ),
  {
    name: 'over a stolen online key that has signed the last possible version',
    code: 'TUF_LIMIT',
    async run() {
      const fleet = await fleetWithTeam()
      const current = await fleet.current(['channels', 'm.shop'])
      const far = JSON.parse(Buffer.from(current.timestamp ?? []).toString())
      far.signed.version = Number.MAX_SAFE_INTEGER
      const timestamp = utf8(JSON.stringify(far))
      const release = { module: 'shop', track: 'default', version: '2.0.0', bytes: utf8('x') }
      addReleases(
        { ...current, timestamp },
        [release],
        { newModules: setup(['release']) },
        OWNER.map(signer),
        START
      )
    }
  }
])

const statement = (fleet: TestFleet) => ({
  fleet: fleet.id,
  channel: 'stable',
  module: 'shop',
  track: 'default',
  version: '1.0.0',
  created: '2026-01-01T00:00:00Z',
  expires: '2026-02-01T00:00:00Z'
})
const downgrade = (
  name: string,
  by: string,
  over: object = {},
  at = START,
  released = '2025-12-01T00:00:00Z'
) => ({
  name,
  outcome: 'REFUSED',
  async run() {
    const fleet = await fleetWithTeam()
    const trust = await fleet.branch().refresh(START)
    const said = statement(fleet)
    const sig = toHex(signAs(DOWNGRADE, downgradeBytes({ ...said, ...over }), pair(by).secretKey))
    const signatures = [{ keyid: signer('release').keyid, sig }]
    const channels = { ...emptyChannels(), downgrades: [{ statement: said, signatures }] }
    const delegations = trust.set.targets?.delegations ?? null
    const question = { ...said, channels, delegations, now: at, fromReleased: Date.parse(released) }
    assert.equal(isDowngradeAllowed(question), name === 'signed by the release key')
  }
})

harmless('downgrade by the online key', [
  { ...downgrade('signed by the release key', 'release'), outcome: 'ALLOWED' },
  downgrade('signed by the online key', 'online'),
  downgrade('signed by the key of another team', 'team'),
  downgrade('a signature for another version', 'release', { version: '0.9.0' }),
  downgrade('a signature for another module', 'release', { module: 'till' }),
  downgrade('a signature for another fleet', 'release', { fleet: 'ab'.repeat(32) }),
  downgrade('after its end', 'release', {}, Date.parse('2026-03-01T00:00:00Z')),
  downgrade('from a release that came after it', 'release', {}, START, '2026-01-15T00:00:00Z')
])

/** Every byte of a file, one bit flipped each: refused, or the same content read (never anything else). */
const flips = (file: string) => ({
  name: `each byte of ${file}`,
  outcome: 'REFUSED',
  async run() {
    const fleet = await fleetWithTeam()
    const genuine = fleet.files.get(file) as Uint8Array
    for (let at = 0; at < genuine.length; at++) {
      const changed = new Uint8Array(genuine)
      changed[at] = (changed[at] as number) ^ 1
      const source = {
        read: async (name: string) => (name === file ? changed : (fleet.files.get(name) ?? null))
      }
      const refused = await refreshTrust({ store: new MemoryStore(), source, now: START, fleetId: fleet.id })
        .then((trust) => trust.findRelease('shop', 'default', '1.0.0'))
        .then(
          () => false,
          (error) => error instanceof ChasquiError
        )
      assert.ok(refused, `byte ${at} of ${file}`)
    }
  }
})

harmless(
  'one flipped bit',
  ['1.root.json', 'timestamp.json', '3.snapshot.json', '3.targets.json', '1.m.shop.json'].map(flips)
)
