// Attacks on what members and publishers hold in their hands: invites, memberships, grants, key files, backups.
import { toHex } from '../../src/trust/bytes.ts'
import { createKey, encodeKeyFiles } from '../../src/trust/fleet-keys.ts'
import { openGrant, readGrant, sealForNode } from '../../src/trust/grant.ts'
import { encodeInvite, encodeInviteWithPin, parseInvite } from '../../src/trust/invite.ts'
import { decodeKeyBackup, encodeKeyBackup } from '../../src/trust/key-backup.ts'
import { decodeKeyFile, openKeyFile, Passphrase } from '../../src/trust/key-file.ts'
import { requireOwner, verifyMembership, withGrant } from '../../src/trust/membership.ts'
import { DAY, pair, START, seedOf } from '../trust/test-fleet.ts'
import {
  CHEAP,
  check,
  FLEET,
  grantOf,
  INVITE_ID,
  inviteOf,
  membershipOf,
  RANDOM,
  signedCertificateOf
} from '../trust/test-members.ts'
import { type AttackCase, attack } from './table.ts'

const invite = encodeInvite(inviteOf())
const parse = (name: string, text: string, code = 'INVITE_DAMAGED'): AttackCase => ({
  name,
  code,
  run: () => parseInvite(text)
})

attack('spoiled invite', [
  parse('nothing', ''),
  parse('another text', 'hello'),
  parse('only the prefix', 'chasqui1'),
  ...[1, 2, 8, 40, 200].map((cut) => parse(`cut by ${cut} characters`, invite.slice(0, -cut))),
  parse('one character more', `${invite}y`),
  parse(
    'one character mistyped',
    `${invite.slice(0, 60)}${invite[60] === 'y' ? 'b' : 'y'}${invite.slice(61)}`
  ),
  parse('two characters swapped', `${invite.slice(0, 50)}${invite[51]}${invite[50]}${invite.slice(52)}`),
  parse('characters that do not exist in z-base-32', `${invite.slice(0, 60)}0lv2${invite.slice(64)}`),
  parse('a megabyte', `chasqui1${'y'.repeat(1_000_000)}`),
  parse(
    'a certificate of another publisher',
    encodeInvite(inviteOf({ certificate: signedCertificateOf({}, 'mallory') })),
    'MEMBERSHIP_INVALID'
  ),
  parse(
    'a certificate of another fleet',
    encodeInvite(inviteOf({ certificate: signedCertificateOf({ fleet: seedOf('other') }) })),
    'FLEET_MISMATCH'
  ),
  parse("a seed that is not the certificate's", encodeInvite(inviteOf({ inviteSeed: seedOf('other') }))),
  {
    name: 'a wrong PIN',
    code: 'INVITE_PIN_WRONG',
    run: () => parseInvite(encodeInviteWithPin(inviteOf(), '4711', RANDOM, CHEAP), '1234')
  },
  {
    name: 'a PIN invite that asks for 100 GB of memory',
    code: 'INVITE_DAMAGED',
    run: () =>
      parseInvite(encodeInviteWithPin(inviteOf(), '1', RANDOM, CHEAP).replace('chasqui1', 'chasqui1y'), '1')
  }
])

const member = (name: string, code: string, membership: () => Uint8Array, over = {}): AttackCase => ({
  name,
  code,
  run: () => verifyMembership(membership(), check(over))
})
const NODE = toHex(pair('node').publicKey)

attack('forged membership', [
  member('nothing', 'MEMBERSHIP_INVALID', () => new Uint8Array(0)),
  member('random bytes', 'MEMBERSHIP_INVALID', () => seedOf('random')),
  member('one byte more', 'MEMBERSHIP_INVALID', () => Buffer.concat([membershipOf(), Buffer.from([0])])),
  member('one byte less', 'MEMBERSHIP_INVALID', () => membershipOf().subarray(0, -1)),
  member('certificate signed by a stranger', 'MEMBERSHIP_INVALID', () =>
    membershipOf({ certificate: signedCertificateOf({}, 'mallory') })
  ),
  member('node key that the invite does not vouch for', 'MEMBERSHIP_INVALID', () =>
    membershipOf({ inviteSeed: seedOf('mallory') })
  ),
  member('certificate of another fleet', 'FLEET_MISMATCH', () =>
    membershipOf({ certificate: signedCertificateOf({ fleet: seedOf('other') }) })
  ),
  member("somebody else's node key put in", 'MEMBERSHIP_INVALID', () => {
    const bytes = Buffer.from(membershipOf())
    Buffer.from(pair('mallory').publicKey).copy(bytes, bytes.indexOf(Buffer.from(NODE, 'hex')))
    return bytes
  }),
  member('name changed in the certificate', 'MEMBERSHIP_INVALID', () => {
    const bytes = Buffer.from(membershipOf())
    bytes.write('Sucursal Sur  ', bytes.indexOf('Sucursal Norte'))
    return bytes
  }),
  member('entitlement widened from pos_* to *os_*', 'MEMBERSHIP_INVALID', () => {
    const bytes = Buffer.from(membershipOf())
    bytes.write('*os_*', bytes.indexOf('pos_*'))
    return bytes
  }),
  member('a control character in the name', 'MEMBERSHIP_INVALID', () => {
    const bytes = Buffer.from(membershipOf())
    bytes.write('Sucursal\nNorte', bytes.indexOf('Sucursal Norte'))
    return bytes
  })
])

const clone = (node: string, owner: string | null, grant?: Uint8Array) => () => {
  const found = verifyMembership(membershipOf({ node, ...(grant === undefined ? {} : { grant }) }), check())
  requireOwner(found, owner)
}
const NEVER_OWNER = toHex(pair('other').publicKey)

attack('clone of an invite', [
  { name: 'a second node without a grant', code: 'MEMBER_CLONED', run: clone('clone', NODE) },
  {
    name: 'the first node, after the invite went to another',
    code: 'MEMBER_CLONED',
    run: clone('node', NEVER_OWNER)
  },
  {
    name: "a second node that carries the first one's grant",
    code: 'GRANT_INVALID',
    run: clone('clone', NODE, grantOf())
  }
])

attack('membership past its end', [
  member('invite expired, never granted', 'INVITE_EXPIRED', () => membershipOf(), { now: START + 31 * DAY }),
  member('invite revoked', 'MEMBER_REVOKED', () => membershipOf(), {
    revoked: { invites: new Set([toHex(INVITE_ID)]), nodes: new Set() }
  }),
  member('node revoked', 'MEMBER_REVOKED', () => membershipOf(), {
    revoked: { invites: new Set(), nodes: new Set([NODE]) }
  }),
  member('revoked although granted', 'MEMBER_REVOKED', () => withGrant(membershipOf(), grantOf()), {
    revoked: { invites: new Set([toHex(INVITE_ID)]), nodes: new Set() }
  }),
  member('revoked, and the record is from the past', 'MEMBER_REVOKED', () => membershipOf(), {
    now: null,
    revoked: { invites: new Set([toHex(INVITE_ID)]), nodes: new Set() }
  }),
  member('signed by an enrolment key that root has dropped', 'MEMBERSHIP_INVALID', () => membershipOf(), {
    enrolmentKeys: [pair('new enrolment').publicKey]
  })
])

attack('forged grant', [
  member('signed by a stranger', 'GRANT_INVALID', () => withGrant(membershipOf(), grantOf({}, 'mallory'))),
  member('signed by the node itself', 'GRANT_INVALID', () => withGrant(membershipOf(), grantOf({}, 'node'))),
  member('of another node on the same invite', 'GRANT_INVALID', () =>
    withGrant(membershipOf(), grantOf({ node: pair('other').publicKey }))
  ),
  member('of another invite', 'GRANT_INVALID', () =>
    withGrant(membershipOf(), grantOf({ invite: seedOf('other').subarray(0, 16) }))
  ),
  member('of another fleet', 'GRANT_INVALID', () =>
    withGrant(membershipOf(), grantOf({ fleet: seedOf('other') }))
  ),
  member('with the certificate of another invite', 'GRANT_INVALID', () => {
    const certificate = signedCertificateOf({ invite: seedOf('other').subarray(0, 16), modules: ['*'] })
    return withGrant(membershipOf(), grantOf({ certificate }))
  }),
  member('with a certificate that a stranger signed', 'MEMBERSHIP_INVALID', () =>
    withGrant(membershipOf(), grantOf({ certificate: signedCertificateOf({ modules: ['*'] }, 'mallory') }))
  ),
  {
    name: 'a clone opens the feed key that was sealed to the first node',
    code: 'GRANT_INVALID',
    run: () => openGrant(readGrant(grantOf(), [pair('enrolment').publicKey]), pair('clone'))
  },
  {
    name: 'a sealed key that was made for another node',
    code: 'GRANT_INVALID',
    run: () => {
      const sealedKey = sealForNode(seedOf('k'), pair('other').publicKey)
      return openGrant(readGrant(grantOf({ sealedKey }), [pair('enrolment').publicKey]), pair('node'))
    }
  }
])

const random = (bytes: number) => seedOf(`random ${bytes}`).slice(0, bytes)
const key = createKey('root', () => seedOf('root'))
const sealedFile = () =>
  encodeKeyFiles([key], '2026-01-01T00:00:00Z', new Passphrase('p'), random, CHEAP)[0] as Uint8Array
const edit = (bytes: Uint8Array, from: string | RegExp, to: string) =>
  Buffer.from(Buffer.from(bytes).toString().replace(from, to))
const open = (
  name: string,
  code: string,
  bytes: () => Uint8Array,
  passphrase: string | null = 'p'
): AttackCase => ({
  name,
  code,
  run: () => openKeyFile(decodeKeyFile(bytes()), passphrase === null ? null : new Passphrase(passphrase))
})

attack('spoiled key file', [
  open('no passphrase', 'PASSPHRASE_NEEDED', sealedFile, null),
  open('a wrong passphrase', 'PASSPHRASE_WRONG', sealedFile, 'q'),
  open('a box with one bit flipped', 'PASSPHRASE_WRONG', () =>
    edit(sealedFile(), /"box": ".{4}/, '"box": "0000')
  ),
  open('another public key', 'KEY_FILE_DAMAGED', () => edit(sealedFile(), key.public, toHex(seedOf('x')))),
  open('another role', 'KEY_FILE_DAMAGED', () => edit(sealedFile(), '"root"', '"sealing"')),
  open('cut', 'KEY_FILE_DAMAGED', () => sealedFile().subarray(0, 100)),
  open('100 GB of memory to open it', 'KEY_FILE_DAMAGED', () => edit(sealedFile(), '8192', '100000000000')),
  open('an unknown field', 'KEY_FILE_DAMAGED', () => edit(sealedFile(), '"role"', '"extra": 1, "role"')),
  open('a seed in the open beside the sealed one', 'KEY_FILE_DAMAGED', () =>
    edit(sealedFile(), '"role"', `"seed": "${'0'.repeat(64)}", "role"`)
  ),
  open('a link to something larger', 'KEY_FILE_DAMAGED', () => new Uint8Array(100_000))
])

const backup = () =>
  encodeKeyBackup(
    {
      name: 'n',
      fleet: toHex(FLEET),
      keys: [{ ...key, created: 'c' }],
      membership: seedOf('m'),
      invites: [],
      metadata: new Map()
    },
    '2026-01-01T00:00:00Z',
    new Passphrase('p'),
    RANDOM,
    CHEAP
  )
const restore = (name: string, code: string, bytes: () => Uint8Array, passphrase = 'p'): AttackCase => ({
  name,
  code,
  run: () => decodeKeyBackup(bytes(), new Passphrase(passphrase))
})

attack('spoiled key backup', [
  restore('a wrong passphrase', 'PASSPHRASE_WRONG', backup, 'q'),
  restore('cut', 'KEY_BACKUP_DAMAGED', () => backup().subarray(0, 300)),
  restore('a box with one bit flipped', 'PASSPHRASE_WRONG', () =>
    edit(backup(), /"box": ".{4}/, '"box": "0000')
  ),
  restore('the label of another fleet', 'KEY_BACKUP_DAMAGED', () =>
    edit(backup(), toHex(FLEET), toHex(seedOf('x')))
  ),
  restore('not a backup', 'KEY_BACKUP_DAMAGED', () => seedOf('x'))
])
