// The publisher as a member of its own fleet: the node key and the membership that it shows to branches, and the secrets
// that a fleet's links need.
import { join } from 'node:path'
import { ChasquiError } from '../src/errors.ts'
import { readFileLimited, writeFileDurably } from '../src/system/durable.ts'
import type { HomePaths } from '../src/system/home.ts'
import type { KeyStore } from '../src/system/key-store.ts'
import { realFileSystem } from '../src/system/real-file-system.ts'
import { signCertificate } from '../src/trust/certificate.ts'
import type { OpenKey } from '../src/trust/key-file.ts'
import { keyPairOf, type SigningKeyPair } from '../src/trust/keys.ts'
import { LIMITS } from '../src/trust/limits.ts'
import { createMembership } from '../src/trust/membership.ts'

export interface PublisherMember {
  /** node public key, hex */
  node: string
  keyPair: SigningKeyPair
  membership: Uint8Array
  fleetSecret: Uint8Array
}

const CENTURY = 100 * 365 * 24 * 60 * 60 * 1000 // milliseconds

function membershipPath(paths: HomePaths): string {
  return join(paths.keys, 'membership.bin')
}

/** Throws HOME_DAMAGED, KEY_MISSING. */
export async function loadMember(paths: HomePaths, keys: KeyStore): Promise<PublisherMember> {
  const key = await keys.openOne('node')
  const fleet = await keys.openOne('fleet')
  const membership = await readFileLimited(realFileSystem, membershipPath(paths), LIMITS.membershipBytes)
  if (membership === null) {
    throw new ChasquiError('HOME_DAMAGED', `${membershipPath(paths)} is missing`, {
      hint: 'restore the keys folder from a key backup'
    })
  }
  return { node: key.public, keyPair: keyPairOf(key.seed), membership, fleetSecret: fleet.seed }
}

export interface MembershipRequest {
  fleetId: Uint8Array
  name: string
  enrolment: OpenKey
  node: OpenKey
  now: number
  random(bytes: number): Uint8Array
}

/** Signs and writes the publisher's own membership. */
export async function saveMembership(paths: HomePaths, request: MembershipRequest): Promise<void> {
  const seed = request.random(32)
  const certificate = signCertificate(
    {
      invite: request.random(16),
      fleet: request.fleetId,
      inviteKey: keyPairOf(seed).publicKey,
      role: 'publisher',
      name: request.name,
      groups: [],
      modules: ['*'],
      issued: request.now,
      expires: request.now + CENTURY
    },
    keyPairOf(request.enrolment.seed).secretKey
  )
  const membership = createMembership(certificate, seed, keyPairOf(request.node.seed).publicKey)
  await writeFileDurably(realFileSystem, membershipPath(paths), membership, 0o600)
}
