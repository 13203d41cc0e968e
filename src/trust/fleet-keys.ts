// The keys that a new fleet needs, and their files. Random bytes are passed in.
import {
  encodeKeyFile,
  KEY_ROLES,
  type KeyCost,
  type KeyRole,
  type OpenKey,
  type Passphrase,
  publicPartOf,
  sealSecret
} from './key-file.ts'

/** Roles whose keys a passphrase protects; the others serve a daemon that starts by itself. */
export const PROTECTED_ROLES: readonly KeyRole[] = ['root', 'targets', 'release']

/** One key of every role. `random(n)` gives n random bytes. */
export function createFleetKeys(random: (bytes: number) => Uint8Array): OpenKey[] {
  return KEY_ROLES.map((role) => createKey(role, random))
}

export function createKey(role: KeyRole, random: (bytes: number) => Uint8Array, label?: string): OpenKey {
  const seed = random(32)
  return { role, seed, public: publicPartOf(role, seed), ...(label === undefined ? {} : { label }) }
}

/** Key files: those of `PROTECTED_ROLES` sealed when there is a passphrase (one derivation for all). */
export function encodeKeyFiles(
  keys: readonly OpenKey[],
  created: string,
  passphrase: Passphrase | null,
  random: (bytes: number) => Uint8Array,
  cost?: KeyCost
): Uint8Array[] {
  const salt = random(16)
  return keys.map((key) => {
    const isProtected = passphrase !== null && PROTECTED_ROLES.includes(key.role)
    const sealed = isProtected ? sealSecret(key.seed, passphrase, { salt, nonce: random(24) }, cost) : null
    return encodeKeyFile(key, created, sealed)
  })
}
