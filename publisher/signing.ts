// Opens the keys that a change needs, and only those.
import { type KeyRole, Passphrase } from '../src/trust/key-file.ts'
import { keyPairOf, type Signer, signerOf } from '../src/trust/keys.ts'
import type { PublisherApp } from './app.ts'

/** The signers of these roles that are in the home. Throws PASSPHRASE_NEEDED, PASSPHRASE_WRONG, KEY_FILE_DAMAGED. */
export async function openSigners(
  app: PublisherApp,
  roles: readonly KeyRole[],
  passphrase: string | undefined
): Promise<Signer[]> {
  const opener = passphrase === undefined ? null : new Passphrase(passphrase)
  try {
    const keys = await Promise.all(roles.map((role) => app.keys.open(role, opener)))
    return keys.flat().map(({ seed }) => signerOf(keyPairOf(seed)))
  } finally {
    opener?.wipe()
  }
}
