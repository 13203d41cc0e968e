// An invite: everything that a machine needs to join a fleet, as one line of text. With a PIN it is encrypted, for when it
// travels on a stick. FORMAT 7.2.
import z32 from 'z32'
import { ChasquiError } from '../errors.ts'
import { equalBytes, formatTime, sha256, toHex } from './bytes.ts'
import { type Certificate, readCertificate } from './certificate.ts'
import { type KeyCost, openSecret, Passphrase, type SealedBox, sealSecret } from './key-file.ts'
import { keyPairOf } from './keys.ts'
import { LIMITS } from './limits.ts'
import {
  bytes16,
  bytes32,
  bytesUpTo,
  type Codec,
  decodeWith,
  encodeWith,
  integer,
  list,
  structure,
  text
} from './wire.ts'

export interface Invite {
  fleetId: Uint8Array
  fleetSecret: Uint8Array
  feedKey: Uint8Array
  feedEncryptionKey: Uint8Array
  /** which feed: as in root's `x-chasqui.feed` */
  generation: number
  /** Ed25519 public key that signed the certificate */
  enrolmentKey: Uint8Array
  /** Ed25519 seed that vouches for the node key */
  inviteSeed: Uint8Array
  /** signed certificate, as `signCertificate` gives it */
  certificate: Uint8Array
  /** where members may be reached: host:port */
  peers: string[]
  /** DHT bootstrap nodes of a fleet that runs its own: host:port */
  bootstrap: string[]
}

export interface ParsedInvite extends Invite {
  details: Certificate
}

const PREFIX = 'chasqui1'
/** Opening a PIN costs 64 MiB and about 0.2 s: a PIN is short, and the invite ends by itself. */
const PIN_COST: KeyCost = { passes: 3, memory: 64 * 1024 * 1024 }

const plainForm = structure<Invite>({
  fleetId: bytes32,
  fleetSecret: bytes32,
  feedKey: bytes32,
  feedEncryptionKey: bytes32,
  generation: integer,
  enrolmentKey: bytes32,
  inviteSeed: bytes32,
  certificate: bytesUpTo(LIMITS.membershipBytes),
  peers: list(text(300), 16),
  bootstrap: list(text(300), 16)
})

interface SealedForm {
  passes: number
  memory: number
  salt: Uint8Array
  nonce: Uint8Array
  box: Uint8Array
}
const sealedForm = structure<SealedForm>({
  passes: integer,
  memory: integer,
  salt: bytes16,
  nonce: bytesUpTo(24),
  box: bytesUpTo(LIMITS.inviteBytes)
})

/** kind 1: plain, 2: sealed with a PIN */
const envelope = structure<{ kind: number; body: Uint8Array }>({
  kind: integer,
  body: bytesUpTo(LIMITS.inviteBytes + 200)
})

/** The invite as text. Anyone who reads it can join. */
export function encodeInvite(invite: Invite): string {
  return armour(1, encodeWith(plainForm, invite))
}

/** The invite as text that only the PIN opens; `salt` 16 and `nonce` 24 random bytes. */
export function encodeInviteWithPin(
  invite: Invite,
  pin: string,
  random: { salt: Uint8Array; nonce: Uint8Array },
  cost: KeyCost = PIN_COST
): string {
  const passphrase = new Passphrase(pin)
  const sealed = sealSecret(encodeWith(plainForm, invite), passphrase, random, cost)
  passphrase.wipe()
  const { passes, memory } = cost
  const box = new Uint8Array(Buffer.from(sealed.box, 'hex'))
  return armour(2, encodeWith(sealedForm, { passes, memory, ...random, box }))
}

/** Throws INVITE_DAMAGED, INVITE_PIN_NEEDED, INVITE_PIN_WRONG, MEMBERSHIP_INVALID, FLEET_MISMATCH. */
export function parseInvite(written: string, pin?: string): ParsedInvite {
  const { kind, body } = unarmour(written)
  if (kind !== 1 && kind !== 2) throw damaged('it was made by a newer Chasqui')
  const plain = kind === 1 ? body : unseal(body, pin)
  const invite = read(plainForm, plain)
  const details = readCertificate(invite.certificate, [invite.enrolmentKey])
  if (!equalBytes(details.inviteKey, keyPairOf(invite.inviteSeed).publicKey))
    throw damaged('its parts do not fit')
  if (!equalBytes(details.fleet, invite.fleetId)) {
    throw new ChasquiError('FLEET_MISMATCH', 'the invite carries the certificate of another fleet')
  }
  return { ...invite, details }
}

/** Throws INVITE_EXPIRED. `now`: ms since the epoch. */
export function requireUsable(invite: ParsedInvite, now: number): void {
  if (now <= invite.details.expires) return
  throw new ChasquiError('INVITE_EXPIRED', `the invite ended ${formatTime(invite.details.expires)}`, {
    hint: 'ask the publisher for a new one; if the date is wrong, set the clock of this machine'
  })
}

function armour(kind: number, body: Uint8Array): string {
  const bytes = encodeWith(envelope, { kind, body })
  return PREFIX + z32.encode(Buffer.concat([bytes, sha256(bytes).subarray(0, 4)]))
}

/** Line breaks, spaces and capitals that mail programs and people add do not matter. */
function unarmour(written: string): { kind: number; body: Uint8Array } {
  const clean = written.replace(/\s+/g, '').toLowerCase()
  if (clean.length > LIMITS.inviteBytes * 2) throw damaged('it is too long')
  if (!clean.startsWith(PREFIX)) throw damaged(`it does not start with "${PREFIX}"`)
  const encoded = clean.slice(PREFIX.length)
  const bytes = decodeZ32(encoded)
  const content = bytes.subarray(0, -4)
  if (bytes.length < 8 || !equalBytes(sha256(content).subarray(0, 4), bytes.subarray(-4))) {
    throw damaged('its checksum does not fit')
  }
  return read(envelope, content)
}

function decodeZ32(encoded: string): Uint8Array {
  try {
    const bytes = new Uint8Array(z32.decode(encoded)).slice(0, Math.floor((encoded.length * 5) / 8))
    if (z32.encode(bytes) === encoded) return bytes
  } catch (cause) {
    throw damaged('it has characters that do not belong there', cause)
  }
  throw damaged('it is cut off')
}

function unseal(body: Uint8Array, pin: string | undefined): Uint8Array {
  if (pin === undefined) {
    throw new ChasquiError('INVITE_PIN_NEEDED', 'the invite is protected with a PIN', {
      hint: 'name a file that holds the PIN with --pin-file'
    })
  }
  const { passes, memory, salt, nonce, box } = read(sealedForm, body)
  if (passes < 1 || passes > 10 || memory < 8192 || memory > 2 ** 30 || nonce.length !== 24)
    throw damaged('its PIN')
  const sealed: SealedBox = {
    kdf: 'argon2id',
    passes,
    memory,
    salt: toHex(salt),
    nonce: toHex(nonce),
    box: toHex(box)
  }
  const passphrase = new Passphrase(pin)
  try {
    return openSecret(sealed, passphrase)
  } catch (cause) {
    throw new ChasquiError('INVITE_PIN_WRONG', 'the PIN does not open the invite', {
      cause,
      hint: 'ask for the PIN again'
    })
  } finally {
    passphrase.wipe()
  }
}

function read<T>(codec: Codec<T>, bytes: Uint8Array): T {
  try {
    return decodeWith(codec, bytes)
  } catch (cause) {
    throw damaged('its content cannot be read', cause)
  }
}

function damaged(why: string, cause?: unknown): ChasquiError {
  return new ChasquiError('INVITE_DAMAGED', `the invite is damaged: ${why}`, {
    cause,
    hint: 'copy it again as a whole, or ask for it as a file'
  })
}
