// Opens the keys that a change needs, and only those. What a turn has opened is wiped at its end (turns.ts).
import { type KeyFile, type KeyRole, type OpenKey, openKeyFile, Passphrase } from '../src/trust/key-file.ts'
import { keyPairOf, type Signer, signerOf, wipe } from '../src/trust/keys.ts'
import type { PublisherApp } from './app.ts'

/** Secret keys in memory, by home. */
const opened = new WeakMap<PublisherApp, Uint8Array[]>()

/** The signers of these roles that are in the home. Throws PASSPHRASE_NEEDED, PASSPHRASE_WRONG, KEY_FILE_DAMAGED. */
export async function openSigners(
  app: PublisherApp,
  roles: readonly KeyRole[],
  passphrase: string | undefined
): Promise<Signer[]> {
  const files = (await app.keys.list()).filter(({ role }) => roles.includes(role))
  return signersOfFiles(app, files, passphrase)
}

/** The signers of some key files. Throws as above. */
export function signersOfFiles(
  app: PublisherApp,
  files: readonly KeyFile[],
  passphrase: string | undefined
): Signer[] {
  const opener = passphrase === undefined ? null : new Passphrase(passphrase)
  try {
    return files.map((file) => signerOfOpen(app, openKeyFile(file, opener)))
  } finally {
    opener?.wipe()
  }
}

/** The key's own seed is wiped: the signer is what is left of it. */
export function signerOfOpen(app: PublisherApp, { seed }: Pick<OpenKey, 'seed'>): Signer {
  const pair = keyPairOf(seed)
  wipe(seed)
  opened.set(app, [...(opened.get(app) ?? []), pair.secretKey])
  return signerOf(pair)
}

/** Overwrites every secret key that was opened for this home; a signer that somebody still holds is of no use. */
export function forgetSigners(app: PublisherApp): void {
  wipe(...(opened.get(app) ?? []))
  opened.delete(app)
}
