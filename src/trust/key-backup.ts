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

const content = z.strictObject({
  name: z.string().max(200),
  fleet: z.string().regex(/^[0-9a-f]{64}$/),
  keys: z
    .array(
      z.strictObject({
        role: z.enum(KEY_ROLES),
        seed: z.string().regex(/^[0-9a-f]{64}$/),
        created: z.string(),
        label: z.string().max(200).optional()
      })
    )
    .max(200),
  /** the publisher's own membership, hex */
  membership: z.string().max(2 * LIMITS.membershipBytes),
  /** newest accepted metadata by the names of the trust store, base64: what this publisher has signed so far */
  metadata: z.record(z.string().regex(/^(roots\/\d+\.)?(root|timestamp|snapshot|targets)\.json$/), z.base64())
})

export interface KeyBackup {
  name: string
  /** fleet id, hex */
  fleet: string
  keys: (OpenKey & { created: string })[]
  membership: Uint8Array
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
  const keys = backup.keys.map(({ role, seed, created: at, label }) => ({
    role,
    seed: toHex(seed),
    created: at,
    ...(label === undefined ? {} : { label })
  }))
  const { name, fleet } = backup
  const metadata = Object.fromEntries(
    [...backup.metadata].map(([file, bytes]) => [file, Buffer.from(bytes).toString('base64')])
  )
  const plain = { name, fleet, keys, membership: toHex(backup.membership), metadata }
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

function openKey({ role, seed: text, created, label }: z.infer<typeof content>['keys'][number]) {
  const seed = fromHex(text, 32) as Uint8Array
  return { role, seed, public: publicPartOf(role, seed), created, ...(label === undefined ? {} : { label }) }
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
