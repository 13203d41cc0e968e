import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { Key } from '@tufjs/models'
import {
  DOWNGRADE,
  type DowngradeStatement,
  downgradeBytes,
  emptyChannels
} from '../../src/fleet/channels.ts'
import { isDowngradeAllowed } from '../../src/fleet/downgrade.ts'
import { keyId, keyPairOf, type SigningKeyPair, signAs, tufKey } from '../../src/trust/keys.ts'
import { DelegationIndex } from '../../src/trust/path-pattern.ts'
import type { Delegations } from '../../src/trust/read-delegations.ts'

const [one, two, stranger] = [1, 2, 3].map((n) => keyPairOf(Buffer.alloc(32, n))) as [
  SigningKeyPair,
  SigningKeyPair,
  SigningKeyPair
]

const STATEMENT: DowngradeStatement = {
  fleet: 'a'.repeat(64),
  channel: 'stable',
  module: 'pos',
  track: 'default',
  version: '1.0.0',
  created: '2026-01-01T00:00:00Z'
}

function delegations(threshold: number): Delegations {
  const role = {
    name: 'm.pos',
    keyIDs: [one, two].map((pair) => keyId(pair.publicKey)),
    threshold,
    terminating: true,
    paths: ['releases/pos/*/*/release.json'],
    pathHashPrefixes: null
  }
  const keys = [one, two, stranger].map((pair) => {
    const id = keyId(pair.publicKey)
    return [
      id,
      Key.fromJSON(id, tufKey(pair.publicKey) as unknown as Parameters<typeof Key.fromJSON>[1])
    ] as const
  })
  return {
    keys: new Map(keys),
    roles: [role],
    byName: new Map([[role.name, role]]),
    index: new DelegationIndex([role]),
    succinct: null
  }
}

function signed(statement: DowngradeStatement, pairs: SigningKeyPair[], purpose = DOWNGRADE) {
  const signatures = pairs.map((pair) => ({
    keyid: keyId(pair.publicKey),
    sig: Buffer.from(signAs(purpose, downgradeBytes(statement), pair.secretKey)).toString('hex')
  }))
  return { statement, signatures }
}

function isAllowed(
  downgrade: ReturnType<typeof signed>,
  threshold = 1,
  asked: Partial<DowngradeStatement> = {},
  fromReleased: number | null = Date.parse(STATEMENT.created)
): boolean {
  const { channel, module, track, version, fleet } = { ...STATEMENT, ...asked }
  return isDowngradeAllowed({
    channels: { ...emptyChannels(), downgrades: [downgrade] },
    delegations: delegations(threshold),
    fleet,
    now: Date.parse('2026-02-01T00:00:00Z'),
    channel,
    module,
    track,
    version,
    fromReleased
  })
}

describe('leave to go down', () => {
  const cases: [what: string, allowed: boolean, given: boolean][] = [
    ['a release key', true, isAllowed(signed(STATEMENT, [one]))],
    ['two release keys where two are asked for', true, isAllowed(signed(STATEMENT, [one, two]), 2)],
    ['one release key where two are asked for', false, isAllowed(signed(STATEMENT, [one]), 2)],
    ['one key twice where two are asked for', false, isAllowed(signed(STATEMENT, [one, one]), 2)],
    ['a key that is not of the module', false, isAllowed(signed(STATEMENT, [stranger]))],
    ['nobody', false, isAllowed(signed(STATEMENT, []))],
    ['a signature for another purpose', false, isAllowed(signed(STATEMENT, [one], 'grant'))],
    ['a statement for another version', false, isAllowed(signed(STATEMENT, [one]), 1, { version: '0.9.0' })],
    ['a statement for another channel', false, isAllowed(signed(STATEMENT, [one]), 1, { channel: 'beta' })],
    [
      'a statement for another fleet',
      false,
      isAllowed(signed(STATEMENT, [one]), 1, { fleet: 'b'.repeat(64) })
    ],
    [
      'a statement that has run out',
      false,
      isAllowed(signed({ ...STATEMENT, expires: '2026-01-31T00:00:00Z' }, [one]))
    ],
    [
      'a statement that has not run out',
      true,
      isAllowed(signed({ ...STATEMENT, expires: '2026-03-01T00:00:00Z' }, [one]))
    ],
    [
      'a statement from before the release that it would lead away from',
      false,
      isAllowed(signed(STATEMENT, [one]), 1, {}, Date.parse('2026-01-01T00:00:01Z'))
    ],
    [
      'a statement where nobody knows when that release was made',
      false,
      isAllowed(signed(STATEMENT, [one]), 1, {}, null)
    ],
    [
      'a statement that was changed after it was signed',
      false,
      isAllowed({ ...signed({ ...STATEMENT, version: '0.9.0' }, [one]), statement: STATEMENT })
    ],
    [
      'a signature that is no signature',
      false,
      isAllowed({ statement: STATEMENT, signatures: [{ keyid: keyId(one.publicKey), sig: 'zz' }] })
    ]
  ]
  for (const [what, allowed, given] of cases) {
    it(`${allowed ? 'given' : 'not given'} by ${what}`, () => assert.equal(given, allowed))
  }
})
