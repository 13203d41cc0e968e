// Opens the keys that a change needs, and only those.
import { type KeyFile, type KeyRole, openKeyFile, Passphrase } from '../src/trust/key-file.ts'
import { keyPairOf, type Signer, signerOf, wipe } from '../src/trust/keys.ts'
import type { PublisherApp } from './app.ts'

/** The signers of these roles that are in the home. Throws PASSPHRASE_NEEDED, PASSPHRASE_WRONG, KEY_FILE_DAMAGED. */
export async function openSigners(
  app: PublisherApp,
  roles: readonly KeyRole[],
  passphrase: string | undefined
): Promise<Signer[]> {
  const files = await app.keys.list()
  return openFiles(
    files.filter(({ role }) => roles.includes(role)),
    passphrase
  )
}

/** The signers of some key files. Throws as above. */
export function openFiles(files: readonly KeyFile[], passphrase: string | undefined): Signer[] {
  const opener = passphrase === undefined ? null : new Passphrase(passphrase)
  try {
    return files.map((file) => {
      const { seed } = openKeyFile(file, opener)
      const pair = keyPairOf(seed)
      wipe(seed)
      return signerOf(pair)
    })
  } finally {
    opener?.wipe()
  }
}
