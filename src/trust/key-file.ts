// A secret at rest: one 32-byte seed per file, sealed with a passphrase (argon2id → secretbox) or, when its owner chose
// so, open. Salt and nonce are passed in; reading and writing files is the caller's. FORMAT 6.1.
import sodium from 'sodium-native'
import { z } from 'zod'
import { ChasquiError } from '../errors.ts'
import { fromHex, toHex } from './bytes.ts'
import { keyPairOf, sealingPairOf, wipe } from './keys.ts'
import { LIMITS } from './limits.ts'

/**
 * What a key is for. `root`, `targets` and `release` may be kept offline; the others serve the daemon.
 * online: snapshot, timestamp, channels; enrolment: invites and grants; sealing: opens reports (X25519);
 * node: the publisher as a member; feed: appends to the feed; fleet: the fleet secret; encryption: opens the feed.
 */
export const KEY_ROLES = [
  'root',
  'targets',
  'release',
  'online',
  'enrolment',
  'sealing',
  'node',
  'feed',
  'fleet',
  'encryption'
] as const
export type KeyRole = (typeof KEY_ROLES)[number]

/** Cost of opening a sealed key: argon2id passes and bytes of memory. */
export interface KeyCost {
  passes: number
  memory: number
}
/** 256 MiB: about half a second on a small PC. */
const KEY_COST: KeyCost = { passes: 3, memory: 256 * 1024 * 1024 }
/** Bounds on what a file may ask for, so that a hostile one cannot exhaust the machine. */
const COST_LIMIT: KeyCost = { passes: 10, memory: 1024 * 1024 * 1024 }

const hex = (bytes: number) => z.string().regex(new RegExp(`^[0-9a-f]{${bytes * 2}}$`))
export const sealedBox = z.strictObject({
  kdf: z.literal('argon2id'),
  passes: z.number().int().min(1).max(COST_LIMIT.passes),
  memory: z.number().int().min(8192).max(COST_LIMIT.memory),
  salt: hex(16),
  nonce: hex(24),
  box: z.string().regex(/^([0-9a-f]{2})+$/)
})
export type SealedBox = z.infer<typeof sealedBox>

const keyFile = z
  .strictObject({
    schema: z.literal('chasqui/key/1'),
    role: z.enum(KEY_ROLES),
    /** Ed25519 (X25519 for sealing) public key; of a plain secret its BLAKE2b hash, which names it and reveals nothing */
    public: hex(32),
    created: z.string(),
    label: z.string().max(LIMITS.keyLabel).optional(),
    sealed: sealedBox.optional(),
    seed: hex(32).optional()
  })
  .refine((file) => (file.sealed === undefined) !== (file.seed === undefined), 'needs either sealed or seed')
export type KeyFile = z.infer<typeof keyFile>

/** A key in memory. `wipe` its seed when done. */
export interface OpenKey {
  role: KeyRole
  public: string
  seed: Uint8Array
  label?: string
}

/** Turns one passphrase into box keys, deriving once per salt: files made together share a salt. */
export class Passphrase {
  readonly #text: Uint8Array
  readonly #derived = new Map<string, Uint8Array>()

  constructor(text: string) {
    // NFC, so that one passphrase typed on two systems is the same
    this.#text = new Uint8Array(Buffer.from(text.normalize('NFC'), 'utf8'))
  }

  boxKey(salt: Uint8Array, cost: KeyCost): Uint8Array {
    const name = `${toHex(salt)} ${cost.passes} ${cost.memory}`
    const known = this.#derived.get(name)
    if (known !== undefined) return known
    const key = new Uint8Array(32)
    sodium.crypto_pwhash(key, this.#text, salt, cost.passes, cost.memory, sodium.crypto_pwhash_ALG_ARGON2ID13)
    this.#derived.set(name, key)
    return key
  }

  wipe(): void {
    wipe(this.#text, ...this.#derived.values())
    this.#derived.clear()
  }
}

/** Encrypts `secret`; `salt` 16 random bytes (may be shared by files made together), `nonce` 24 fresh random bytes. */
export function sealSecret(
  secret: Uint8Array,
  passphrase: Passphrase,
  random: { salt: Uint8Array; nonce: Uint8Array },
  cost: KeyCost = KEY_COST
): SealedBox {
  const box = new Uint8Array(secret.length + 16)
  sodium.crypto_secretbox_easy(box, secret, random.nonce, passphrase.boxKey(random.salt, cost))
  return {
    kdf: 'argon2id',
    ...cost,
    salt: toHex(random.salt),
    nonce: toHex(random.nonce),
    box: toHex(box)
  }
}

/** Throws PASSPHRASE_WRONG when the box does not open: a changed box and a wrong passphrase cannot be told apart. */
export function openSecret(sealed: SealedBox, passphrase: Passphrase): Uint8Array {
  const box = new Uint8Array(Buffer.from(sealed.box, 'hex'))
  const nonce = new Uint8Array(Buffer.from(sealed.nonce, 'hex'))
  const secret = new Uint8Array(Math.max(0, box.length - 16))
  const key = passphrase.boxKey(new Uint8Array(Buffer.from(sealed.salt, 'hex')), sealed)
  if (box.length > 16 && sodium.crypto_secretbox_open_easy(secret, box, nonce, key)) return secret
  throw new ChasquiError('PASSPHRASE_WRONG', 'the passphrase does not open the key', {
    hint: 'type it again; a key that was damaged gives the same message'
  })
}

/** What a key shows of itself: its public key, or for a plain secret a hash. */
export function publicPartOf(role: KeyRole, seed: Uint8Array): string {
  if (role === 'sealing') return toHex(sealingPairOf(seed).publicKey)
  if (role !== 'fleet' && role !== 'encryption') return toHex(keyPairOf(seed).publicKey)
  const name = new Uint8Array(32)
  sodium.crypto_generichash(name, Buffer.from('chasqui/secret-name/1', 'utf8'), seed)
  return toHex(name)
}

/** A key file's bytes: sealed when `sealed` is given, else with the seed in the open. */
export function encodeKeyFile(key: OpenKey, created: string, sealed: SealedBox | null): Uint8Array {
  const { role, label } = key
  const body = sealed === null ? { seed: toHex(key.seed) } : { sealed }
  const file: KeyFile = {
    schema: 'chasqui/key/1',
    role,
    public: key.public,
    created,
    ...(label === undefined ? {} : { label }),
    ...body
  }
  return new Uint8Array(Buffer.from(`${JSON.stringify(file, null, 2)}\n`, 'utf8'))
}

/** Throws KEY_FILE_DAMAGED. */
export function decodeKeyFile(bytes: Uint8Array): KeyFile {
  try {
    if (bytes.length > LIMITS.keyFileBytes) throw new TypeError('too large')
    return keyFile.parse(JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes)))
  } catch (cause) {
    throw damaged('it cannot be read', cause)
  }
}

/** The key of a file. Throws PASSPHRASE_NEEDED, PASSPHRASE_WRONG, KEY_FILE_DAMAGED. */
export function openKeyFile(file: KeyFile, passphrase: Passphrase | null): OpenKey {
  const seed = readSeed(file, passphrase)
  if (publicPartOf(file.role, seed) !== file.public) throw damaged('its secret and its public key do not fit')
  return {
    role: file.role,
    public: file.public,
    seed,
    ...(file.label === undefined ? {} : { label: file.label })
  }
}

function readSeed(file: KeyFile, passphrase: Passphrase | null): Uint8Array {
  if (file.sealed === undefined) return fromHex(file.seed ?? '', 32) ?? new Uint8Array(32)
  if (passphrase !== null) {
    const seed = openSecret(file.sealed, passphrase)
    if (seed.length === 32) return seed
    throw damaged('it does not hold a seed')
  }
  throw new ChasquiError('PASSPHRASE_NEEDED', `the ${file.role} key is protected with a passphrase`, {
    hint: 'name its file with --passphrase-file or CHASQUI_PASSPHRASE_FILE'
  })
}

function damaged(why: string, cause?: unknown): ChasquiError {
  return new ChasquiError('KEY_FILE_DAMAGED', `a key file is damaged: ${why}`, {
    cause,
    hint: 'restore it with "publisher keys restore" from a key backup'
  })
}
