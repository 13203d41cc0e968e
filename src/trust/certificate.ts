// The publisher's statement about one invite: who it is for, what they may have, until when it can be used. Signed by
// the fleet's enrolment key. FORMAT 7.1.
import { ChasquiError } from '../errors.ts'
import { verifySignature } from './bytes.ts'
import { signAs } from './keys.ts'
import { LIMITS } from './limits.ts'
import {
  bytes16,
  bytes32,
  bytes64,
  bytesUpTo,
  constant,
  decodeWith,
  encodeWith,
  integer,
  list,
  structure,
  text
} from './wire.ts'

/** What a member may be. */
export type MemberRole = 'branch' | 'publisher'

export interface Certificate {
  /** 16 random bytes */
  invite: Uint8Array
  /** fleet id: SHA-256 of root version 1 */
  fleet: Uint8Array
  /** Ed25519 key whose seed the invite carries */
  inviteKey: Uint8Array
  role: MemberRole
  name: string
  groups: string[]
  /** patterns of modules that this member is entitled to; ["*"] for all */
  modules: string[]
  /** ms since the epoch of issue and of the last moment at which the invite can be used */
  issued: number
  expires: number
}

const wireForm = structure<Omit<Certificate, 'role'> & { format: number; role: number }>({
  format: constant(1),
  invite: bytes16,
  fleet: bytes32,
  inviteKey: bytes32,
  role: integer,
  name: text(200),
  groups: list(text(100), 100),
  modules: list(text(100), 1000),
  issued: integer,
  expires: integer
})

const signedForm = structure<{ body: Uint8Array; signature: Uint8Array }>({
  body: bytesUpTo(LIMITS.membershipBytes),
  signature: bytes64
})

/** Signs a certificate with the enrolment key; the result is what invites and memberships carry. */
export function signCertificate(certificate: Certificate, enrolmentSecretKey: Uint8Array): Uint8Array {
  const body = encodeWith(wireForm, {
    ...certificate,
    format: 1,
    role: certificate.role === 'publisher' ? 1 : 0
  })
  return encodeWith(signedForm, { body, signature: signAs('certificate', body, enrolmentSecretKey) })
}

/** Throws MEMBERSHIP_INVALID unless one of the fleet's enrolment keys signed it. Expiry is the caller's to judge. */
export function readCertificate(bytes: Uint8Array, enrolmentKeys: readonly Uint8Array[]): Certificate {
  const { body, signature } = decode(() => decodeWith(signedForm, bytes))
  if (!enrolmentKeys.some((key) => verifySignature('certificate', body, signature, key))) {
    throw new ChasquiError('MEMBERSHIP_INVALID', "the certificate was not signed by this fleet's publisher", {
      hint: 'ask the publisher for a new invite'
    })
  }
  const { format: _, ...certificate } = decode(() => decodeWith(wireForm, body))
  return { ...certificate, role: decode(() => memberRole(certificate.role)) }
}

function memberRole(code: number): MemberRole {
  if (code === 0) return 'branch'
  if (code === 1) return 'publisher'
  throw new RangeError('no such role')
}

function decode<T>(read: () => T): T {
  try {
    return read()
  } catch (cause) {
    throw new ChasquiError('MEMBERSHIP_INVALID', 'the certificate is damaged', { cause })
  }
}
