// A backup of a publisher's keys: one encrypted file from which a new machine goes on as the same publisher. FORMAT 6.2.
import { z } from 'zod'
import { ChasquiError } from '../errors.ts'
import { fromHex, toHex } from './bytes.ts'
import {
  KEY_ROLES,
  type KeyCost,
  type OpenKey,
  openSecret,
  type Passphrase,
  publicPartOf,
  sealedBox,
  sealSecret
} from './key-file.ts'
import { LIMITS } from './limits.ts'

const backupFile = z.strictObject({
  schema: z.literal('chasqui/key-backup/1'),
  created: z.string(),
  /** fleet id, hex: tells backups apart without a passphrase */
  fleet: z.string().regex(/^[0-9a-f]{64}$/),
  sealed: sealedBox
})

const invite = z.strictObject({
  id: z.string().regex(/^[0-9a-f]{32}$/),
  name: z.string().max(200),
  groups: z.array(z.string().max(100)).max(100),
  modules: z.array(z.string().max(100)).max(1000),
  issued: z.string().max(40),
  expires: z.string().max(40)
})
export type BackedUpInvite = z.infer<typeof invite>

const content = z.strictObject({
  name: z.string().max(200),
  fleet: z.string().regex(/^[0-9a-f]{64}$/),
  keys: z
    .array(
      z.strictObject({
        role: z.enum(KEY_ROLES),
        seed: z.string().regex(/^[0-9a-f]{64}$/),
        created: z.string(),
        label: z.string().max(200).optional(),
        /** it was about to replace another one: a rotation was begun */
        waits: z.literal(true).optional()
      })
    )
    .max(200),
  /** the publisher's own membership, hex */
  membership: z.string().max(2 * LIMITS.membershipBytes),
  /** invites that were given: a branch that was never heard of can still be revoked */
  invites: z.array(invite).max(100_000),
  /** newest accepted metadata by the names of the trust store, base64: what this publisher has signed so far */
  metadata: z.record(z.string().regex(/^(roots\/\d+\.)?(root|timestamp|snapshot|targets)\.json$/), z.base64())
})

export type BackedUpKey = OpenKey & { created: string; waits?: true }

export interface KeyBackup {
  name: string
  /** fleet id, hex */
  fleet: string
  keys: BackedUpKey[]
  membership: Uint8Array
  invites: BackedUpInvite[]
  /** accepted metadata, top-level roles and the root chain, by the names of the trust store */
  metadata: ReadonlyMap<string, Uint8Array>
}

/** The encrypted file; `salt` 16 and `nonce` 24 random bytes. */
export function encodeKeyBackup(
  backup: KeyBackup,
  created: string,
  passphrase: Passphrase,
  random: { salt: Uint8Array; nonce: Uint8Array },
  cost?: KeyCost
): Uint8Array {
  const keys = backup.keys.map(({ role, seed, created: at, label, waits }) => ({
    role,
    seed: toHex(seed),
    created: at,
    ...(label === undefined ? {} : { label }),
    ...(waits === undefined ? {} : { waits })
  }))
  const { name, fleet, invites } = backup
  const metadata = Object.fromEntries(
    [...backup.metadata].map(([file, bytes]) => [file, Buffer.from(bytes).toString('base64')])
  )
  const plain = { name, fleet, keys, membership: toHex(backup.membership), invites, metadata }
  const secret = new Uint8Array(Buffer.from(JSON.stringify(plain), 'utf8'))
  const sealed = sealSecret(secret, passphrase, random, cost)
  secret.fill(0)
  const file = { schema: 'chasqui/key-backup/1', created, fleet, sealed }
  return new Uint8Array(Buffer.from(`${JSON.stringify(file, null, 2)}\n`, 'utf8'))
}

/** Which fleet a backup is of, without opening it. Throws KEY_BACKUP_DAMAGED. */
export function fleetOfBackup(bytes: Uint8Array): string {
  return readFile(bytes).fleet
}

/** Throws KEY_BACKUP_DAMAGED, PASSPHRASE_WRONG. */
export function decodeKeyBackup(bytes: Uint8Array, passphrase: Passphrase): KeyBackup {
  const file = readFile(bytes)
  const secret = openSecret(file.sealed, passphrase)
  try {
    const plain = content.parse(JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(secret)))
    if (plain.fleet !== file.fleet) throw new RangeError('two fleets in one file')
    return {
      name: plain.name,
      fleet: plain.fleet,
      keys: plain.keys.map(openKey),
      invites: plain.invites,
      membership: new Uint8Array(Buffer.from(plain.membership, 'hex')),
      metadata: new Map(
        Object.entries(plain.metadata).map(([file, text]) => [
          file,
          new Uint8Array(Buffer.from(text, 'base64'))
        ])
      )
    }
  } catch (cause) {
    throw damaged(cause)
  } finally {
    secret.fill(0)
  }
}

function openKey({
  role,
  seed: text,
  created,
  label,
  waits
}: z.infer<typeof content>['keys'][number]): BackedUpKey {
  const seed = fromHex(text, 32) as Uint8Array
  return {
    role,
    seed,
    public: publicPartOf(role, seed),
    created,
    ...(label === undefined ? {} : { label }),
    ...(waits === undefined ? {} : { waits })
  }
}

function readFile(bytes: Uint8Array): z.infer<typeof backupFile> {
  try {
    if (bytes.length > LIMITS.keyBackupBytes) throw new RangeError('too large')
    return backupFile.parse(JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes)))
  } catch (cause) {
    throw damaged(cause)
  }
}

function damaged(cause: unknown): ChasquiError {
  return new ChasquiError('KEY_BACKUP_DAMAGED', 'the key backup cannot be read', {
    cause,
    hint: 'use another copy of it'
  })
}
