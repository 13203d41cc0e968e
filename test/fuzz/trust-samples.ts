// Real files of trust: metadata, members, keys at rest, signing requests.
import { targetEntry } from '../../src/trust/author.ts'
import { readCertificate } from '../../src/trust/certificate.ts'
import { FleetDraft } from '../../src/trust/draft.ts'
import { encodeKeyFiles } from '../../src/trust/fleet-keys.ts'
import { readGrant } from '../../src/trust/grant.ts'
import { encodeInvite, encodeInviteWithPin, parseInvite } from '../../src/trust/invite.ts'
import { encodeKeyBackup, fleetOfBackup } from '../../src/trust/key-backup.ts'
import { decodeKeyFile, openKeyFile, Passphrase, publicPartOf } from '../../src/trust/key-file.ts'
import { verifyMembership } from '../../src/trust/membership.ts'
import { parseRoot, parseSnapshot, parseTargets, parseTimestamp, rootKeys } from '../../src/trust/metadata.ts'
import { CHASQUI_PROFILE, TUF_PROFILE } from '../../src/trust/profile.ts'
import { reviewRequest } from '../../src/trust/request-review.ts'
import { answerOf, decodeAnswer, encodeAnswer } from '../../src/trust/signing-answer.ts'
import { createRequest, decodeRequest, encodeRequest } from '../../src/trust/signing-request.ts'
import { verifyThreshold } from '../../src/trust/threshold.ts'
import { pair, START, seedOf, TestFleet, utf8 } from '../trust/test-fleet.ts'
import {
  CHEAP,
  check,
  grantOf,
  inviteOf,
  membershipOf,
  RANDOM,
  signedCertificateOf
} from '../trust/test-members.ts'
import { jsonSample, type Sample } from './sample.ts'

const latin1 = (bytes: Uint8Array) => Buffer.from(bytes).toString('latin1')

export async function trustSamples(): Promise<Sample[]> {
  const fleet = new TestFleet()
  await fleet.release('shop', '1.0.0')
  return [
    ...metadataSamples(fleet),
    ...memberSamples(),
    ...keySamples(fleet),
    ...(await requestSamples(fleet))
  ]
}

function metadataSamples(fleet: TestFleet): Sample[] {
  const file = (name: string) => fleet.files.get(name) as Uint8Array
  return [
    jsonSample('root', file('1.root.json'), checkedRoot),
    jsonSample('timestamp', file('timestamp.json'), parseTimestamp),
    jsonSample('snapshot', file('2.snapshot.json'), parseSnapshot),
    jsonSample('targets', file('2.targets.json'), (bytes) => parseTargets(bytes, CHASQUI_PROFILE)),
    jsonSample('a module role', file('1.m.shop.json'), (bytes) => parseTargets(bytes, TUF_PROFILE))
  ]
}

/** With its signatures, which cover what the file says, known or not. */
function checkedRoot(bytes: Uint8Array): void {
  const root = parseRoot(bytes, CHASQUI_PROFILE)
  const role = root.signed.roles.root
  if (role !== undefined) verifyThreshold('root', root, role, rootKeys(root.signed))
}

function memberSamples(): Sample[] {
  const keys = [pair('enrolment').publicKey]
  const protectedInvite = encodeInviteWithPin(inviteOf(), '123456', RANDOM, CHEAP)
  return [
    { name: 'invite', real: utf8(encodeInvite(inviteOf())), parse: (bytes) => parseInvite(latin1(bytes)) },
    {
      name: 'invite with a PIN',
      real: utf8(protectedInvite),
      parse: (bytes) => parseInvite(latin1(bytes), '123456')
    },
    { name: 'certificate', real: signedCertificateOf(), parse: (bytes) => readCertificate(bytes, keys) },
    {
      name: 'membership',
      real: membershipOf({ grant: grantOf() }),
      parse: (bytes) => verifyMembership(bytes, check())
    },
    { name: 'grant', real: grantOf(), parse: (bytes) => readGrant(bytes, keys) }
  ]
}

function keySamples(fleet: TestFleet): Sample[] {
  const seed = seedOf('root')
  const key = { role: 'root', seed, public: publicPartOf('root', seed) } as const
  const random = (length: number) => seedOf('r').slice(0, length)
  const open = encodeKeyFiles([key], '2026-01-01T00:00:00Z', null, random)[0] as Uint8Array
  const backup = {
    name: 'n',
    fleet: fleet.id,
    keys: [{ ...key, created: 'c' }],
    membership: seed,
    invites: [],
    metadata: new Map()
  }
  const sealed = encodeKeyBackup(backup, 'c', new Passphrase('p'), RANDOM, CHEAP)
  return [
    jsonSample('key file', open, (bytes) => openKeyFile(decodeKeyFile(bytes), null)),
    jsonSample('key backup', sealed, fleetOfBackup)
  ]
}

async function requestSamples(fleet: TestFleet): Promise<Sample[]> {
  const current = await fleet.current(['channels', 'm.shop'])
  const draft = new FleetDraft(current, START)
  const path = 'releases/shop/default/2.0.0/release.json'
  draft.setTarget('m.shop', path, targetEntry(utf8('two')))
  const files = new Map([[path, utf8('two')]])
  const request = createRequest(draft, {
    fleetId: fleet.id,
    roots: fleet.roots(),
    current,
    files,
    now: START
  })
  const known = { fleetId: fleet.id, current: null }
  return [
    jsonSample('signing request', encodeRequest(request), (bytes) =>
      reviewRequest(decodeRequest(bytes), known)
    ),
    jsonSample('signing answer', encodeAnswer(answerOf(request)), decodeAnswer)
  ]
}
