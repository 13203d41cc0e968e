// Every parser of trust, fed with arbitrary bytes and with real files that were bent byte by byte: a result or a
// ChasquiError, never another exception.
import { test } from 'node:test'
import fc from 'fast-check'
import { ChasquiError } from '../../src/errors.ts'
import { targetEntry } from '../../src/trust/author.ts'
import { readCertificate } from '../../src/trust/certificate.ts'
import { FleetDraft } from '../../src/trust/draft.ts'
import { encodeKeyFiles } from '../../src/trust/fleet-keys.ts'
import { readGrant } from '../../src/trust/grant.ts'
import { encodeInvite, parseInvite } from '../../src/trust/invite.ts'
import { encodeKeyBackup, fleetOfBackup } from '../../src/trust/key-backup.ts'
import { decodeKeyFile, openKeyFile, Passphrase, publicPartOf } from '../../src/trust/key-file.ts'
import { verifyMembership } from '../../src/trust/membership.ts'
import {
  CHASQUI_PROFILE,
  parseRoot,
  parseSnapshot,
  parseTargets,
  parseTimestamp,
  TUF_PROFILE
} from '../../src/trust/metadata.ts'
import { reviewRequest } from '../../src/trust/request-review.ts'
import { createRequest, decodeRequest, encodeRequest } from '../../src/trust/signing-request.ts'
import { pair, START, seedOf, TestFleet, utf8 } from './test-fleet.ts'
import { CHEAP, check, grantOf, inviteOf, membershipOf, RANDOM, signedCertificateOf } from './test-members.ts'

const RUNS = { numRuns: 300 }
const keys = [pair('enrolment').publicKey]

async function samples(): Promise<[name: string, real: Uint8Array, parse: (bytes: Uint8Array) => unknown][]> {
  const fleet = new TestFleet()
  await fleet.release('shop', '1.0.0')
  const file = (name: string) => fleet.files.get(name) as Uint8Array
  const seed = seedOf('root')
  const key = { role: 'root', seed, public: publicPartOf('root', seed) } as const
  const open = encodeKeyFiles([key], '2026-01-01T00:00:00Z', null, (n) =>
    seedOf('r').slice(0, n)
  )[0] as Uint8Array
  const backup = {
    name: 'n',
    fleet: fleet.id,
    keys: [{ ...key, created: 'c' }],
    membership: seed,
    invites: [],
    metadata: new Map()
  }
  const current = await fleet.current(['channels', 'm.shop'])
  const draft = new FleetDraft(current, START)
  const path = 'releases/shop/default/2.0.0/release.json'
  draft.setTarget('m.shop', path, targetEntry(utf8('two')))
  const files = new Map([[path, utf8('two')]])
  const details = { fleetId: fleet.id, roots: fleet.roots(), current, files, now: START }
  const known = { fleetId: fleet.id, current: null }
  return [
    ['root', file('1.root.json'), (bytes) => parseRoot(bytes, CHASQUI_PROFILE)],
    ['timestamp', file('timestamp.json'), parseTimestamp],
    ['snapshot', file('2.snapshot.json'), parseSnapshot],
    ['targets', file('2.targets.json'), (bytes) => parseTargets(bytes, CHASQUI_PROFILE)],
    ['a module role', file('1.m.shop.json'), (bytes) => parseTargets(bytes, TUF_PROFILE)],
    ['invite', utf8(encodeInvite(inviteOf())), (bytes) => parseInvite(Buffer.from(bytes).toString('latin1'))],
    ['certificate', signedCertificateOf(), (bytes) => readCertificate(bytes, keys)],
    ['membership', membershipOf({ grant: grantOf() }), (bytes) => verifyMembership(bytes, check())],
    ['grant', grantOf(), (bytes) => readGrant(bytes, keys)],
    ['key file', open, (bytes) => openKeyFile(decodeKeyFile(bytes), null)],
    ['key backup', encodeKeyBackup(backup, 'c', new Passphrase('p'), RANDOM, CHEAP), fleetOfBackup],
    [
      'signing request',
      encodeRequest(createRequest(draft, details)),
      (bytes) => reviewRequest(decodeRequest(bytes), known)
    ]
  ]
}

/** A result or a refusal; anything else is a bug. */
function refuseOrAccept(parse: (bytes: Uint8Array) => unknown, bytes: Uint8Array): void {
  try {
    parse(bytes)
  } catch (error) {
    if (!(error instanceof ChasquiError)) throw error
  }
}

/** One way to bend a file: overwrite, insert, cut out or repeat a piece, or cut the rest. */
const bend = fc.record({
  kind: fc.constantFrom('overwrite', 'insert', 'remove', 'repeat', 'cut'),
  at: fc.nat(),
  length: fc.nat(40),
  bytes: fc.uint8Array({ maxLength: 40 })
})

function apply(
  real: Uint8Array,
  change: { kind: string; at: number; length: number; bytes: Uint8Array }
): Uint8Array {
  const at = change.at % (real.length + 1)
  const head = real.subarray(0, at)
  const piece = real.subarray(at, at + change.length)
  const rest = real.subarray(at + change.length)
  if (change.kind === 'overwrite')
    return Buffer.concat([head, change.bytes, real.subarray(at + change.bytes.length)])
  if (change.kind === 'insert') return Buffer.concat([head, change.bytes, real.subarray(at)])
  if (change.kind === 'remove') return Buffer.concat([head, rest])
  if (change.kind === 'repeat') return Buffer.concat([head, piece, piece, rest])
  return Buffer.from(head)
}

for (const [name, real, parse] of await samples()) {
  test(`the parser of ${name} takes any bytes`, () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 400 }), (bytes) => refuseOrAccept(parse, bytes)),
      RUNS
    )
  })
  test(`the parser of ${name} takes a bent file`, () => {
    fc.assert(
      fc.property(fc.array(bend, { minLength: 1, maxLength: 4 }), (changes) =>
        refuseOrAccept(parse, changes.reduce(apply, real))
      ),
      RUNS
    )
  })
}

test('the parsers of metadata take any JSON', () => {
  const envelope = fc.record({ signatures: fc.jsonValue(), signed: fc.jsonValue() })
  fc.assert(
    fc.property(envelope, fc.constantFrom('root', 'timestamp', 'snapshot', 'targets'), (value, type) => {
      const signed = { ...(value.signed as object), _type: type, spec_version: '1.0.34', version: 1 }
      const bytes = utf8(JSON.stringify({ ...value, signed: { ...signed, expires: '2030-01-01T00:00:00Z' } }))
      for (const profile of [CHASQUI_PROFILE, TUF_PROFILE]) {
        refuseOrAccept((b) => parseRoot(b, profile), bytes)
        refuseOrAccept((b) => parseTargets(b, profile), bytes)
      }
      refuseOrAccept(parseTimestamp, bytes)
      refuseOrAccept(parseSnapshot, bytes)
    }),
    RUNS
  )
})
