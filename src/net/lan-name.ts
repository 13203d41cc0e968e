// The names under which a node announces itself on a LAN (FORMAT 9.4): half of a name is random, the other half is a keyed
// hash of it. Members of the same fleet recognise one another's names; to everybody else each name is a new one.
import sodium from 'sodium-native'

const HALF = 8 // bytes

/** Key of the names, known to all who hold the fleet secret. */
export function lanNameKey(responderSecretKey: Uint8Array): Uint8Array {
  const key = Buffer.alloc(32)
  sodium.crypto_generichash(key, Buffer.from('chasqui/lan-name/1'), responderSecretKey.subarray(0, 32))
  return key
}

/** 32 hex digits. @param random 8 bytes */
export function makeLanName(key: Uint8Array, random: Uint8Array): string {
  return Buffer.concat([random, proof(key, random)]).toString('hex')
}

export function isLanName(key: Uint8Array, name: string): boolean {
  if (!/^[0-9a-f]{32}$/.test(name)) return false
  const bytes = Buffer.from(name, 'hex')
  return proof(key, bytes.subarray(0, HALF)).equals(bytes.subarray(HALF))
}

function proof(key: Uint8Array, random: Uint8Array): Buffer {
  const hash = Buffer.alloc(32)
  sodium.crypto_generichash(hash, random, key)
  return hash.subarray(0, HALF)
}
