// Attacks on whoever signs: a request that shows one thing and asks for another, that hides what it lists, that comes from
// another fleet, or that wants more of a key than it is for.
import { targetEntry } from '../../src/trust/author.ts'
import { setRootSigners } from '../../src/trust/ceremony.ts'
import { FleetDraft } from '../../src/trust/draft.ts'
import { keyId, tufKey } from '../../src/trust/keys.ts'
import { reviewRequest, signRequest } from '../../src/trust/request-review.ts'
import {
  applyRequest,
  createRequest,
  decodeRequest,
  encodeRequest,
  mergeRequests,
  type SigningRequest
} from '../../src/trust/signing-request.ts'
import { OWNER, publicKey, START, setup, signer, TestFleet, utf8 } from '../trust/test-fleet.ts'
import { type AttackCase, attack } from './table.ts'

const PATH = 'releases/shop/default/2.0.0/release.json'
type Signed = SigningRequest['roles'][number]['envelope']['signed']
type Root = Extract<Signed, { _type: 'root' }>
type Targets = Extract<Signed, { _type: 'targets' }>

interface Scene {
  fleet: TestFleet
  made: SigningRequest
}

/** An honest request: shop 2.0.0, to be signed by the release key. */
async function release(fleet = new TestFleet({}, OWNER)): Promise<Scene> {
  await fleet.release('shop', '1.0.0')
  const current = await fleet.current(['channels', 'm.shop'])
  const draft = new FleetDraft(current, START)
  draft.setTarget('m.shop', PATH, targetEntry(utf8('two')))
  const files = new Map([[PATH, utf8('two')]])
  const details = { fleetId: fleet.id, roots: fleet.roots(), current, files, now: START }
  return { fleet, made: createRequest(draft, details) }
}

/** A change of root that hands the fleet to the thief, in the clothes of the release. */
async function takeover(): Promise<Scene> {
  const { fleet, made } = await release()
  const current = await fleet.current()
  const draft = new FleetDraft(current, START)
  setRootSigners(draft, 'root', setup(['mallory']))
  setRootSigners(draft, 'targets', setup(['mallory']))
  const details = { fleetId: fleet.id, roots: fleet.roots(), current, files: new Map(), now: START }
  return { fleet, made: { ...createRequest(draft, details), created: made.created } }
}

const travel = (made: SigningRequest) => decodeRequest(encodeRequest(made))
const review = ({ fleet, made }: Scene, fleetId = fleet.id) =>
  reviewRequest(travel(made), { fleetId, current: null })

/** The honest request, spoiled, on the way to a signer. */
const spoiled = (
  name: string,
  code: string,
  spoil: (made: SigningRequest, fleet: TestFleet) => void
): AttackCase => ({
  name,
  code,
  async run() {
    const scene = await release()
    spoil(scene.made, scene.fleet)
    signRequest(review(scene), [signer('release')])
  }
})
const role = (made: SigningRequest) => made.roles[0]?.envelope.signed as Targets

attack('a request that hides what it asks for', [
  spoiled('shows one release and signs another', 'REQUEST_INVALID', (made) => {
    made.files[PATH] = 'harmless'
  }),
  spoiled('shows nothing of a release that it lists', 'REQUEST_INVALID', (made) => {
    made.files = {}
  }),
  spoiled('lists a second release that it does not show', 'REQUEST_INVALID', (made) => {
    role(made).targets['releases/shop/default/6.6.6/release.json'] = targetEntry(utf8('evil'))
  }),
  spoiled('replaces an old release and does not show it', 'REQUEST_INVALID', (made) => {
    role(made).targets['releases/shop/default/1.0.0/release.json'] = targetEntry(utf8('evil'))
  }),
  spoiled('claims that the evil release was there before', 'REQUEST_INVALID', (made) => {
    const path = 'releases/shop/default/6.6.6/release.json'
    role(made).targets[path] = targetEntry(utf8('evil'))
    const before = JSON.parse(made.base.roles['m.shop'] ?? '')
    before.signed.targets[path] = targetEntry(utf8('evil'))
    made.base.roles['m.shop'] = JSON.stringify(before)
  }),
  spoiled('leaves out what was there before', 'REQUEST_INVALID', (made) => {
    made.base.roles = {}
  }),
  spoiled('shows a file that it does not sign', 'REQUEST_INVALID', (made) => {
    made.files['releases/other/default/1.0.0/release.json'] = 'two'
  }),
  spoiled('with a title', 'REQUEST_INVALID', (made) => {
    Object.assign(made, { title: 'shop 1.2.1' })
  }),
  spoiled('with its own list of signers', 'REQUEST_INVALID', (made) => {
    Object.assign(made.roles[0] ?? {}, { signers: [{ keyids: [signer('release').keyid], threshold: 1 }] })
  }),
  spoiled('with a field that nobody knows', 'REQUEST_INVALID', (made) => {
    Object.assign(role(made), { extra: 1 })
  }),
  spoiled('a release of another module', 'REQUEST_INVALID', (made) => {
    const path = 'releases/till/default/6.6.6/release.json'
    role(made).targets[path] = targetEntry(utf8('evil'))
    made.files[path] = 'evil'
  }),
  spoiled('a path that leads elsewhere', 'REQUEST_INVALID', (made) => {
    const path = 'releases/shop/../6.6.6/release.json'
    role(made).targets[path] = targetEntry(utf8('evil'))
    made.files[path] = 'evil'
  }),
  spoiled('a path with an escape sequence for the terminal', 'REQUEST_INVALID', (made) => {
    const path = 'releases/shop/default/\u001b[2K1/release.json'
    role(made).targets[path] = targetEntry(utf8('evil'))
    made.files[path] = 'evil'
  }),
  spoiled('a module that delegates to somebody else', 'REQUEST_INVALID', (made) => {
    role(made).delegations = { keys: {}, roles: [] }
  }),
  spoiled('one role twice', 'REQUEST_INVALID', (made) => {
    made.roles.push(structuredClone(made.roles[0] as SigningRequest['roles'][number]))
  }),
  spoiled('a version far ahead, so that nothing could follow', 'REQUEST_OUTDATED', (made) => {
    role(made).version = Number.MAX_SAFE_INTEGER
  }),
  spoiled('a version that was published before', 'REQUEST_OUTDATED', (made) => {
    role(made).version = 1
  }),
  spoiled('the signed timestamp of the fleet', 'REQUEST_INVALID', (made) => {
    for (const entry of made.roles) entry.role = 'timestamp'
  }),
  spoiled('a role that nobody has delegated', 'REQUEST_INVALID', (made) => {
    for (const entry of made.roles) entry.role = 'm.other'
  })
])

attack('a request that wants the fleet', [
  {
    name: 'a takeover of root that is called a release, to the release key',
    code: 'KEY_MISSING',
    run: async () => signRequest(review(await takeover()), [signer('release')])
  },
  {
    name: 'a takeover of root, to the root key, unnamed',
    code: 'ROLE_NOT_NAMED',
    run: async () => signRequest(review(await takeover()), ['root', 'targets', 'release'].map(signer))
  },
  {
    name: 'signers of root that the request makes up',
    code: 'KEY_MISSING',
    async run() {
      const scene = await takeover()
      const root = JSON.parse(scene.made.base.roots[0] ?? '')
      const mine = publicKey('release')
      root.signed.keys[keyId(mine)] = tufKey(mine)
      const entry = { role: 'root', envelope: { signatures: [], signed: root.signed as Root } }
      root.signed.version = 2
      signRequest(review({ ...scene, made: { ...scene.made, roles: [entry] } }), [signer('release')])
    }
  },
  {
    name: 'releases listed by top-level targets, above every module',
    code: 'REQUEST_INVALID',
    async run() {
      const scene = await release()
      const targets = JSON.parse(scene.made.base.targets) as { signed: Targets }
      targets.signed.version++
      targets.signed.targets[PATH] = targetEntry(utf8('two'))
      scene.made.roles = [{ role: 'targets', envelope: { signatures: [], signed: targets.signed } }]
      review(scene)
    }
  },
  ...(
    [
      ['a pattern before the modules', (all: unknown[], evil: object) => all.unshift(evil)],
      ['delegations in another order', (all: unknown[]) => all.reverse()]
    ] as const
  ).map(
    ([name, spoil]): AttackCase => ({
      name,
      code: 'REQUEST_INVALID',
      async run() {
        const scene = await release()
        const { signed } = JSON.parse(scene.made.base.targets) as { signed: Targets }
        signed.version++
        const keys = setup(['mallory']).keys
        signed.delegations = signed.delegations ?? { keys: {}, roles: [] }
        for (const key of keys) signed.delegations.keys[keyId(key)] = tufKey(key)
        const paths = ['releases/*/*/*/release.json']
        spoil(signed.delegations.roles, {
          name: 't.evil',
          keyids: keys.map(keyId),
          threshold: 1,
          terminating: true,
          paths
        })
        scene.made.roles = [{ role: 'targets', envelope: { signatures: [], signed } }]
        scene.made.files = {}
        review(scene)
      }
    })
  ),
  ...(
    [
      [
        'a key under the id of another',
        (root: Root) =>
          Object.assign(root.keys[root.roles.root.keyids[0] ?? ''] ?? {}, {
            keyval: { public: '11'.repeat(32) }
          })
      ],
      [
        'a threshold that nobody could reach',
        (root: Root) => Object.assign(root.roles.root, { threshold: 5 })
      ],
      ['no feed any more', (root: Root) => Object.assign(root, { 'x-chasqui': {} })]
    ] as const
  ).map(
    ([name, spoil]): AttackCase => ({
      name,
      code: 'REQUEST_INVALID',
      async run() {
        const scene = await takeover()
        for (const { envelope } of scene.made.roles)
          if (envelope.signed._type === 'root') spoil(envelope.signed)
        review(scene)
      }
    })
  )
])

attack('a request of another fleet', [
  {
    name: 'whose id the signer did not confirm',
    code: 'FLEET_MISMATCH',
    run: async () => review(await release(), 'ab'.repeat(32))
  },
  {
    name: 'under the id of ours',
    code: 'FLEET_MISMATCH',
    async run() {
      const [ours, theirs] = [await release(), await release(new TestFleet({ name: 'Otra' }, OWNER))]
      theirs.made.fleet = ours.fleet.id
      review(theirs, ours.fleet.id)
    }
  },
  {
    name: 'our first root, and a next one that the thief signed',
    code: 'REQUEST_INVALID',
    async run() {
      const scene = await takeover()
      const next = scene.made.roles.find((entry) => entry.role === 'root')
      scene.made.base.roots.push(JSON.stringify({ ...next?.envelope, signatures: [] }))
      review(scene)
    }
  },
  {
    name: 'our root, and targets that the thief signed',
    code: 'REQUEST_INVALID',
    async run() {
      const scene = await release()
      const targets = JSON.parse(scene.made.base.targets)
      for (const entry of targets.signed.delegations.roles) entry.keyids = [signer('mallory').keyid]
      scene.made.base.targets = JSON.stringify(targets)
      review(scene)
    }
  },
  {
    name: 'another root chain than the one that this home trusts',
    code: 'REQUEST_INVALID',
    async run() {
      const scene = await release()
      const draft = new FleetDraft(await scene.fleet.current(), START)
      setRootSigners(draft, 'root', setup(['root', 'second']))
      const fork = new FleetDraft(await scene.fleet.current(), START)
      setRootSigners(fork, 'root', setup(['root', 'third']))
      const other = fork.finish(['root', 'targets', 'online'].map(signer)).files.get('2.root.json')
      scene.made.base.roots.push(Buffer.from(other ?? []).toString('utf8'))
      scene.fleet.apply(draft.finish(['root', 'targets', 'online'].map(signer)))
      const current = await scene.fleet.current(['m.shop'])
      reviewRequest(travel(scene.made), { fleetId: scene.fleet.id, current })
    }
  }
])

const finish = async ({ fleet, made }: Scene, id = fleet.id) => {
  const current = await fleet.current(['channels', 'm.shop'])
  const draft = new FleetDraft(current, START)
  applyRequest(draft, made, id)
  draft.finish([signer('online')])
}

attack('spoiled signing request', [
  {
    name: 'cut',
    code: 'REQUEST_INVALID',
    run: async () => decodeRequest(encodeRequest((await release()).made).subarray(0, 99))
  },
  {
    name: 'thirteen megabytes',
    code: 'REQUEST_INVALID',
    run: () => decodeRequest(new Uint8Array(13_000_000))
  },
  {
    name: 'brought home to another fleet',
    code: 'FLEET_MISMATCH',
    async run() {
      const scene = await release()
      await finish({ ...scene, made: signRequest(review(scene), [signer('release')]) }, 'ab'.repeat(32))
    }
  },
  {
    name: 'signed by nobody who was asked',
    code: 'KEY_MISSING',
    run: async () => signRequest(review(await release()), [signer('mallory')])
  },
  {
    name: 'with a made-up signature under the right key id',
    code: 'SIGNATURES_MISSING',
    async run() {
      const scene = await release()
      for (const { envelope } of scene.made.roles)
        envelope.signatures = [{ keyid: signer('release').keyid, sig: '00'.repeat(64) }]
      await finish(scene)
    }
  },
  {
    name: 'content changed after it was signed',
    code: 'SIGNATURES_MISSING',
    async run() {
      const scene = await release()
      const made = signRequest(review(scene), [signer('release')])
      for (const { envelope } of made.roles)
        Object.assign(envelope.signed, { expires: '2099-01-01T00:00:00Z' })
      await finish({ ...scene, made })
    }
  },
  {
    name: 'a second copy that asks for something else',
    code: 'REQUEST_INVALID',
    async run() {
      const { made } = await release()
      const other = structuredClone(made)
      for (const { envelope } of other.roles)
        Object.assign(envelope.signed, { expires: '2099-01-01T00:00:00Z' })
      mergeRequests(made, other)
    }
  }
])
