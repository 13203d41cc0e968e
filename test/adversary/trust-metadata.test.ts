// Attacks on signed metadata. Every row ends with the branch taking the next honest release.
import { makeKey, type Simulator } from '../conformance/simulator.ts'
import { attack } from './table.ts'
import { STRICT, type TufAttack, tufCase } from './tuf-attack.ts'

type Bend = (evil: Simulator, honest: Simulator) => void
const ROLES = ['root', 'timestamp', 'snapshot', 'targets', 'm.shop'] as const
type Role = (typeof ROLES)[number]

/** File name under which a role is served next. */
const isFileOf = (role: Role, name: string) => name.replace(/^\d+\./, '') === `${role}.json`

function setVersion(repo: Simulator, role: Role | 'm.till', version: number): void {
  const part =
    role === 'root' || role === 'timestamp' || role === 'snapshot' ? repo[role] : repo.roles.get(role)
  if (part !== undefined) part.version = version
}

const listHashes = (repo: Simulator) => {
  repo.withHashes = true
}

/** Makes a new version of a role (and of what lists it). */
function bump(repo: Simulator, role: Role): void {
  if (role === 'root') repo.bumpRoot()
  else if (role === 'timestamp') repo.publishTimestamp()
  else {
    const part = repo.roles.get(role)
    if (part !== undefined) part.version++
    repo.publish()
  }
}

/** The attacker rewrites the envelope of one role as it is served. */
function rewrite(evil: Simulator, role: Role, edit: (envelope: Envelope) => unknown): void {
  bump(evil, role)
  evil.tamper = (name, bytes) => {
    if (!isFileOf(role, name) || (role === 'root' && name !== `${evil.root.version}.root.json`)) return bytes
    const envelope = JSON.parse(bytes.toString()) as Envelope
    return Buffer.from(JSON.stringify(edit(envelope) ?? envelope))
  }
}
interface Envelope {
  signatures: { keyid: string; sig: string }[]
  signed: Record<string, unknown>
}

const keysOfRole = (repo: Simulator, role: Role) => repo.signers.get(role) ?? []
const forEachRole = (code: string, name: string, bend: (role: Role) => Bend, more: Partial<TufAttack> = {}) =>
  ROLES.map((role) => tufCase({ name: `${role} ${name}`, code, bend: bend(role), ...more }))

attack('no right signature', [
  ...forEachRole('TUF_SIGNATURES', 'has no signature', (role) => (evil) => {
    rewrite(evil, role, ({ signatures }) => void signatures.splice(0))
  }),
  ...forEachRole('TUF_SIGNATURES', 'is signed by a stranger under the right key id', (role) => (evil) => {
    const id = keysOfRole(evil, role)[0]?.id ?? ''
    evil.signers.set(role, [makeKey('ed25519', id)])
    bump(evil, role)
  }),
  ...forEachRole('TUF_SIGNATURES', 'is signed by a stranger under its own key id', (role) => (evil) => {
    evil.signers.set(role, [makeKey()])
    bump(evil, role)
  }),
  ...forEachRole('TUF_SIGNATURES', 'is signed by the key of another role', (role) => (evil) => {
    const other = role === 'm.shop' ? 'm.till' : role === 'timestamp' ? 'targets' : 'timestamp'
    evil.signers.set(role, evil.signers.get(other) ?? [])
    bump(evil, role)
  }),
  ...forEachRole('TUF_SIGNATURES', 'was changed after it was signed', (role) => (evil) => {
    rewrite(evil, role, ({ signed }) => void Object.assign(signed, { extra: 'added' }))
  }),
  ...forEachRole('TUF_SIGNATURES', 'has one bit of its signature flipped', (role) => (evil) => {
    rewrite(evil, role, ({ signatures: [first] }) => {
      if (first !== undefined) first.sig = (first.sig[0] === '0' ? '1' : '0') + first.sig.slice(1)
    })
  }),
  ...forEachRole('TUF_SIGNATURES', 'has a signature that is not hex', (role) => (evil) => {
    rewrite(evil, role, ({ signatures: [first] }) => {
      if (first !== undefined) first.sig = 'zz'.repeat(64)
    })
  }),
  ...forEachRole('TUF_MALFORMED', 'lists one signature twice', (role) => (evil) => {
    rewrite(evil, role, (envelope) => void envelope.signatures.push(...envelope.signatures))
  })
])

/** Two keys, both needed, for a role that root names. */
const twoOf = (role: 'timestamp' | 'snapshot' | 'targets' | 'root') => (honest: Simulator) => {
  honest.addKey(role)
  ;(honest.root.roles[role] as { threshold: number }).threshold = 2
  honest.bumpRoot()
}

attack('threshold not reached', [
  ...(['timestamp', 'snapshot', 'targets', 'root'] as const).map((role) =>
    tufCase({
      name: `one of two keys signs ${role}`,
      code: 'TUF_SIGNATURES',
      prepare: twoOf(role),
      bend(evil) {
        evil.signers.set(role, (evil.signers.get(role) ?? []).slice(0, 1))
        bump(evil, role)
      }
    })
  ),
  tufCase({
    name: 'one key signs under two ids',
    code: 'TUF_SIGNATURES',
    prepare(honest) {
      const key = honest.signers.get('snapshot')?.[0]
      if (key === undefined) throw new Error('no key')
      const twin = { ...key, id: 'ff'.repeat(32) }
      honest.addKey('snapshot', twin)
      const second = honest.addKey('snapshot')
      ;(honest.root.roles.snapshot as { threshold: number }).threshold = 2
      honest.signers.set('snapshot', [key, second])
      honest.bumpRoot()
    },
    bend(evil) {
      const key = evil.signers.get('snapshot')?.[0]
      if (key !== undefined) evil.signers.set('snapshot', [key, { ...key, id: 'ff'.repeat(32) }])
      evil.publish()
    }
  }),
  tufCase({
    name: 'one of two keys signs a module',
    code: 'TUF_SIGNATURES',
    prepare(honest) {
      const second = makeKey()
      const own = honest.targets.delegations as {
        keys: Record<string, unknown>
        roles: { keyids: string[]; threshold: number }[]
      }
      own.keys[second.id] = second.json
      own.roles[0]?.keyids.push(second.id)
      if (own.roles[0] !== undefined) own.roles[0].threshold = 2
      honest.signers.get('m.shop')?.push(second)
      honest.targets.version++
      honest.publish()
    },
    bend(evil) {
      evil.signers.set('m.shop', (evil.signers.get('m.shop') ?? []).slice(0, 1))
      bump(evil, 'm.shop')
    }
  })
])

attack('former keys', [
  ...(['timestamp', 'snapshot', 'targets'] as const).map((role) =>
    tufCase({
      name: `the former key signs ${role} after it was rotated out`,
      code: 'TUF_SIGNATURES',
      bend(evil, honest) {
        const former = evil.signers.get(role) ?? []
        honest.rotate(role)
        honest.bumpRoot()
        honest.targets.version++
        honest.publish()
        evil.roots.push(honest.roots.at(-1) as Buffer)
        evil.signers.set(role, former)
        bump(evil, role)
      }
    })
  ),
  tufCase({
    name: 'a new root is signed by its new keys only',
    code: 'TUF_SIGNATURES',
    bend(evil) {
      evil.rotate('root')
      evil.bumpRoot()
    }
  }),
  tufCase({
    name: 'a new root is signed by its former keys only',
    code: 'TUF_SIGNATURES',
    bend(evil) {
      const former = evil.signers.get('root') ?? []
      evil.rotate('root')
      evil.signers.set('root', former)
      evil.bumpRoot()
    }
  }),
  tufCase({
    name: 'the former key signs a module after the delegation moved on',
    code: 'TUF_SIGNATURES',
    keeps: ['m.shop.json'],
    bend(evil, honest) {
      const next = makeKey()
      for (const repo of [honest, evil]) {
        const own = repo.targets.delegations as {
          keys: Record<string, unknown>
          roles: { keyids: string[] }[]
        }
        own.keys[next.id] = next.json
        if (own.roles[0] !== undefined) own.roles[0].keyids = [next.id]
        repo.targets.version++
      }
      honest.signers.set('m.shop', [next])
      bump(evil, 'm.shop')
    },
    recover(honest) {
      honest.targets.version += 2
    }
  })
])

attack('rollback', [
  tufCase({
    name: 'an older timestamp',
    code: 'TUF_ROLLBACK',
    bend: (evil) => setVersion(evil, 'timestamp', evil.timestamp.version - 1)
  }),
  tufCase({
    name: 'a newer timestamp names an older snapshot',
    code: 'TUF_ROLLBACK',
    bend(evil) {
      evil.snapshot.version -= 1
      evil.publishTimestamp()
    }
  }),
  ...(['targets', 'm.shop', 'm.till'] as const).map((role) =>
    tufCase({
      name: `a newer snapshot lists an older ${role}`,
      code: 'TUF_ROLLBACK',
      prepare(honest) {
        setVersion(honest, role, 5)
        honest.publish()
      },
      bend(evil) {
        setVersion(evil, role, 4)
        evil.publish()
      },
      recover: (honest) => setVersion(honest, role, 9)
    })
  ),
  ...(['m.till', 'targets'] as const).map((role) =>
    tufCase({
      name: `a newer snapshot no longer lists ${role}`,
      code: role === 'targets' ? 'TUF_MALFORMED' : 'TUF_ROLLBACK',
      bend(evil) {
        evil.publish()
        delete evil.snapshot.meta[`${role}.json`]
        evil.publishTimestamp()
      }
    })
  ),
  tufCase({
    name: 'root version 1 in the place of version 2',
    code: 'TUF_ROLLBACK',
    bend: (evil) => void evil.roots.push(evil.roots[0] as Buffer)
  }),
  tufCase({
    name: 'a root that skips a version',
    code: 'TUF_MISMATCH',
    bend(evil) {
      evil.root.version = 3
      evil.roots[1] = evil.roots[0] as Buffer
      evil.publishRoot()
      evil.roots.splice(1, 1)
    }
  }),
  tufCase({
    name: 'a root at the end of all versions',
    code: 'TUF_MISMATCH',
    bend(evil) {
      evil.root.version = Number.MAX_SAFE_INTEGER
      evil.publishRoot()
    }
  })
])

attack('mix-and-match', [
  tufCase({
    name: 'an older targets in a newer snapshot',
    code: 'TUF_MISMATCH',
    bend(evil, honest) {
      const older = honest.metadata('1.targets.json') ?? Buffer.alloc(0)
      evil.targets.version++
      evil.publish()
      evil.tamper = (name, bytes) => (name === `${evil.targets.version}.targets.json` ? older : bytes)
    }
  }),
  tufCase({
    name: 'an older module role in a newer snapshot',
    code: 'TUF_MISMATCH',
    bend(evil, honest) {
      const older = honest.metadata('1.m.shop.json') ?? Buffer.alloc(0)
      bump(evil, 'm.shop')
      evil.tamper = (name, bytes) => (name === '2.m.shop.json' ? older : bytes)
    }
  }),
  tufCase({
    name: 'the role of another module under this name',
    code: 'TUF_SIGNATURES',
    bend(evil) {
      bump(evil, 'm.shop')
      const other = evil.metadata('1.m.till.json') ?? Buffer.alloc(0)
      evil.tamper = (name, bytes) => (name === '2.m.shop.json' ? other : bytes)
    }
  }),
  tufCase({
    name: 'an older snapshot where the timestamp names a newer one',
    code: 'TUF_MISMATCH',
    bend(evil, honest) {
      const older = honest.metadata('1.snapshot.json') ?? Buffer.alloc(0)
      evil.publish()
      evil.tamper = (name, bytes) => (name === `${evil.snapshot.version}.snapshot.json` ? older : bytes)
    }
  }),
  ...(['snapshot', 'targets', 'm.shop'] as const).map((role) =>
    tufCase({
      name: `${role} is right but not the one whose hash was signed`,
      code: 'TUF_MISMATCH',
      prepare: listHashes,
      bend(evil) {
        bump(evil, role)
        const part = role === 'snapshot' ? evil.snapshot : evil.roles.get(role)
        if (part !== undefined) part.expires = part.expires.replace('2036', '2037')
      }
    })
  ),
  tufCase({
    name: 'a timestamp where a snapshot belongs',
    code: 'TUF_MALFORMED',
    bend(evil) {
      evil.publish()
      evil.tamper = (name, bytes) =>
        name.endsWith('snapshot.json') ? (evil.metadata('timestamp.json') ?? bytes) : bytes
    }
  })
])

attack('freeze: expired metadata, strict', [
  ...forEachRole(
    'TUF_EXPIRED',
    'has expired',
    (role) => (evil) => {
      const part =
        role === 'root' || role === 'timestamp' || role === 'snapshot' ? evil[role] : evil.roles.get(role)
      if (part !== undefined) part.expires = '2026-05-31T23:59:59Z'
      bump(evil, role)
    },
    { profile: STRICT, recover: (honest) => void honest.bumpRoot() }
  ),
  ...[
    'never',
    '',
    '2026-02-30T00:00:00Z',
    '2036-01-01T00:00:00+02:00',
    '2036-01-01',
    '2036-01-01T00:00:00.5Z',
    99999999999,
    null
  ].map((expires) =>
    tufCase({
      name: `an expiry of ${JSON.stringify(expires)}`,
      code: 'TUF_MALFORMED',
      bend(evil) {
        Object.assign(evil.timestamp, { expires })
        evil.publishTimestamp()
      }
    })
  )
])

const versions = [0, -1, 1.5, 2 ** 53, 1e300, '2', null, true]
attack('numbers that are none', [
  ...versions.map((version) =>
    tufCase({
      name: `timestamp version ${JSON.stringify(version)}`,
      code: 'TUF_MALFORMED',
      bend: (evil) => rewrite(evil, 'timestamp', ({ signed }) => void Object.assign(signed, { version }))
    })
  ),
  ...[0, -1, 1.5, '1'].map((threshold) =>
    tufCase({
      name: `a root threshold of ${JSON.stringify(threshold)}`,
      code: 'TUF_MALFORMED',
      bend(evil) {
        Object.assign(evil.root.roles.timestamp ?? {}, { threshold })
        evil.root.version++
        const text = threshold === 1.5 ? 1 : threshold
        Object.assign(evil.root.roles.timestamp ?? {}, { threshold: text })
        evil.publishRoot()
        if (threshold !== 1.5) return
        evil.tamper = (name, bytes) =>
          name.endsWith('root.json')
            ? Buffer.from(bytes.toString().replaceAll('"threshold": 1', '"threshold": 1.5'))
            : bytes
      }
    })
  ),
  ...[-1, 1.5, '10'].map((length) =>
    tufCase({
      name: `a target length of ${JSON.stringify(length)}`,
      code: 'TUF_MALFORMED',
      bend: (evil) =>
        rewrite(evil, 'm.shop', ({ signed }) => {
          for (const target of Object.values(signed.targets as Record<string, object>))
            Object.assign(target, { length })
        })
    })
  )
])

const bytesInstead: [string, (bytes: Buffer) => Buffer, string?][] = [
  ['nothing', () => Buffer.alloc(0)],
  ['a file cut in the middle', (bytes) => bytes.subarray(0, bytes.length >> 1)],
  ['text that is not JSON', () => Buffer.from('<html>not found</html>')],
  ['a JSON list', () => Buffer.from('[]')],
  ['null', () => Buffer.from('null')],
  ['an envelope without content', () => Buffer.from('{"signatures":[],"signed":{}}')],
  [
    'signatures that are not a list',
    (bytes) => Buffer.from(bytes.toString().replace('"signatures": [', '"signatures": {}, "x": ['))
  ],
  [
    'a hundred signatures',
    () => Buffer.from(JSON.stringify({ signed: {}, signatures: Array(100).fill({ keyid: 'a', sig: 'b' }) }))
  ],
  [
    'bytes that are not UTF-8',
    (bytes) => Buffer.concat([bytes.subarray(0, 40), Buffer.from([0xff, 0xfe]), bytes.subarray(40)])
  ],
  ['a byte order mark', (bytes) => Buffer.concat([Buffer.from([0xef, 0xbb, 0xbf]), bytes])],
  [
    'a hundred thousand nested lists',
    () => Buffer.from(`{"signatures":[],"signed":${'['.repeat(7000)}${']'.repeat(7000)}}`)
  ],
  ['specification version 2', (bytes) => Buffer.from(bytes.toString().replace('"1.0.31"', '"2.0.0"'))],
  ['no specification version', (bytes) => Buffer.from(bytes.toString().replace('spec_version', 'spec'))]
]
attack('files that are not metadata', [
  ...bytesInstead.map(([name, change]) =>
    tufCase({
      name: `${name} for the timestamp`,
      code: 'TUF_MALFORMED',
      bend(evil) {
        evil.publishTimestamp()
        evil.tamper = (file, bytes) => (file === 'timestamp.json' ? change(bytes) : bytes)
      }
    })
  )
])

attack('more bytes than allowed', [
  ...(
    [
      ['2.root.json', 600_000],
      ['timestamp.json', 20_000],
      ['3.snapshot.json', 2_100_000],
      ['2.targets.json', 5_100_000],
      ['2.m.shop.json', 5_100_000]
    ] as const
  ).map(([file, size]) =>
    tufCase({
      name: `${size} bytes of ${file}`,
      keeps: ['m.shop.json'],
      code: 'TUF_TOO_LARGE',
      bend(evil) {
        evil.targets.version++
        bump(evil, 'm.shop')
        evil.bumpRoot()
        evil.tamper = (name, bytes) =>
          name === file ? Buffer.concat([bytes, Buffer.alloc(size, 32)]) : bytes
      }
    })
  ),
  ...(['snapshot', 'targets', 'm.shop'] as const).map((role) =>
    tufCase({
      name: `${role} is one byte longer than what lists it says`,
      code: 'TUF_TOO_LARGE',
      prepare: listHashes,
      bend(evil) {
        bump(evil, role)
        evil.tamper = (name, bytes) =>
          isFileOf(role, name) ? Buffer.concat([bytes, Buffer.from(' ')]) : bytes
      }
    })
  )
])

const twice = (list: unknown) => [...(list as string[]), ...(list as string[])]

/** A delegation that the targets key signed but that must not be read. */
const delegation = (name: string, roles: (own: Record<string, unknown>[]) => unknown): TufAttack => ({
  name,
  code: 'TUF_MALFORMED',
  bend(evil) {
    const own = evil.targets.delegations as { roles: Record<string, unknown>[] }
    own.roles = (roles(own.roles) as Record<string, unknown>[] | undefined) ?? own.roles
    evil.targets.version++
    evil.publish()
  }
})
const called = (name: string) =>
  delegation(`called ${JSON.stringify(name.slice(0, 20))}`, (roles) => [...roles, { ...roles[0], name }])

attack('delegations that confuse', [
  ...[
    'root',
    'targets',
    'snapshot',
    'timestamp',
    '__proto__',
    '1',
    '-',
    'M.shop',
    'm/shop',
    '../m',
    '',
    'm shop',
    'x'.repeat(200)
  ].map((name) => tufCase(called(name))),
  tufCase(delegation('two roles of one name', (roles) => [...roles, { ...roles[0] }])),
  tufCase(
    delegation('one key id listed twice', ([first, ...rest]) => [
      { ...first, keyids: twice(first?.keyids) },
      ...rest
    ])
  ),
  tufCase(delegation('a threshold of 0', ([first, ...rest]) => [{ ...first, threshold: 0 }, ...rest])),
  tufCase(
    delegation('paths and hash prefixes together', ([first, ...rest]) => [
      { ...first, path_hash_prefixes: ['0'] },
      ...rest
    ])
  ),
  tufCase(
    delegation('neither paths nor hash prefixes', ([first, ...rest]) =>
      [{ ...first, paths: undefined }, ...rest].map((role) => JSON.parse(JSON.stringify(role)))
    )
  ),
  tufCase(
    delegation('a hash prefix that is not hex', (roles) => [
      ...roles,
      {
        ...JSON.parse(JSON.stringify({ ...roles[0], paths: undefined })),
        name: 'z',
        path_hash_prefixes: ['xyz']
      }
    ])
  ),
  tufCase(
    delegation('terminating that is not true or false', ([first, ...rest]) => [
      { ...first, terminating: 'yes' },
      ...rest
    ])
  ),
  tufCase({
    name: 'roles and bins together',
    code: 'TUF_MALFORMED',
    bend(evil) {
      Object.assign(evil.targets.delegations ?? {}, {
        succinct_roles: { bit_length: 4, name_prefix: 'b', keyids: [], threshold: 1 }
      })
      evil.targets.version++
      evil.publish()
    }
  }),
  tufCase({
    name: 'a key of a kind that Chasqui does not use',
    code: 'TUF_MALFORMED',
    bend(evil) {
      evil.addKey('timestamp', makeKey('ecdsa'))
      evil.bumpRoot()
    }
  }),
  tufCase({
    name: 'a key whose hex is upper case (one key, two spellings)',
    code: 'TUF_MALFORMED',
    bend(evil) {
      const key = makeKey()
      const keyval = { public: (key.json.keyval as { public: string }).public.toUpperCase() }
      evil.addKey('timestamp', { ...key, json: { ...key.json, keyval } })
      evil.bumpRoot()
    }
  })
])

attack('withheld', [
  ...(['timestamp.json', '3.snapshot.json', '2.targets.json', '2.m.shop.json'] as const).map((file) =>
    tufCase({
      name: `${file} is never delivered`,
      keeps: ['m.shop.json'],
      code: 'TUF_MISSING',
      bend(evil) {
        evil.targets.version++
        bump(evil, 'm.shop')
        const metadata = evil.metadata.bind(evil)
        evil.metadata = (name) => (name === file ? null : metadata(name))
      }
    })
  ),
  tufCase({
    name: 'a delegated role that the snapshot does not list',
    code: 'TUF_MISSING',
    keeps: [],
    profile: { ...STRICT, unpublishedRoles: false },
    bend(evil) {
      evil.delegate('m.shop', { name: 'm.other', paths: ['releases/shop/*/*/release.json'] })
      ;(evil.roles.get('m.shop') as { targets: object }).targets = {}
      ;(evil.roles.get('m.shop') as { version: number }).version++
      evil.roles.delete('m.other')
      evil.publish()
    }
  })
])

attack('endless work', [
  tufCase({
    name: 'a path that a hundred roles cover',
    code: 'TUF_LIMIT',
    keeps: ['m.shop.json'],
    bend(evil) {
      const own = evil.targets.delegations as { roles: Record<string, unknown>[] }
      own.roles.length = 0
      for (let i = 0; i < 100; i++)
        evil.delegate('targets', { name: `role${i}`, paths: ['releases/*/*/*/release.json'] })
      evil.targets.version++
      evil.publish()
    },
    recover(honest) {
      honest.rotate('snapshot')
      honest.bumpRoot()
    }
  }),
  tufCase({
    name: 'two thousand roots at once',
    code: 'TUF_LIMIT',
    bend(evil) {
      for (let i = 0; i < 1100; i++) evil.bumpRoot()
    },
    recover(honest) {
      for (let i = 0; i < 1100; i++) honest.bumpRoot()
    }
  })
])
