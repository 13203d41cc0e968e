// The key files of a publisher: one folder, one file per key, readable by its owner only. What is in a file is
// trust/key-file.ts' business; here they are listed, opened, added and taken away.
import { join } from 'node:path'
import { ChasquiError } from '../errors.ts'
import {
  decodeKeyFile,
  type KeyFile,
  type KeyRole,
  type OpenKey,
  openKeyFile,
  type Passphrase
} from '../trust/key-file.ts'
import { LIMITS } from '../trust/limits.ts'
import { ensureDirectory, readFileLimited, writeFileDurably } from './durable.ts'
import type { FileSystem } from './file-system.ts'
import { realFileSystem } from './real-file-system.ts'

export interface KeyStore {
  /** Every key file here, by role and public key. Throws KEY_FILE_DAMAGED. */
  list(): Promise<KeyFile[]>
  /** The keys of one role that are here, opened. Throws PASSPHRASE_NEEDED, PASSPHRASE_WRONG, KEY_FILE_DAMAGED. */
  open(role: KeyRole, passphrase: Passphrase | null): Promise<OpenKey[]>
  /** `open`, for a role that this home cannot do without: its newest key. Throws KEY_MISSING too. */
  openOne(role: KeyRole, passphrase?: Passphrase | null): Promise<OpenKey>
  /** Writes key files (bytes as `encodeKeyFile` gives them), mode 0600. */
  add(files: readonly Uint8Array[]): Promise<void>
  /** Takes the file of a public key (hex) away. */
  remove(publicKey: string): Promise<void>
}

/** The keys in `directory`, which need not be there yet. Reading throws KEY_FILE_DAMAGED. */
export function openKeyStore(directory: string, fs: FileSystem = realFileSystem): KeyStore {
  const list = async () => {
    const found = await fs.stat(directory)
    const names =
      found?.kind === 'directory' ? (await fs.list(directory)).filter((n) => n.endsWith('.key')) : []
    const files: KeyFile[] = []
    for (const name of names) {
      const bytes = await readFileLimited(fs, join(directory, name), LIMITS.keyFileBytes)
      if (bytes !== null) files.push(decodeKeyFile(bytes))
    }
    return files
  }
  const open = async (role: KeyRole, passphrase: Passphrase | null) =>
    (await list()).filter((file) => file.role === role).map((file) => openKeyFile(file, passphrase))
  return {
    list,
    open,
    async openOne(role, passphrase = null) {
      const files = (await list()).filter((file) => file.role === role)
      const newest = files.sort((a, b) => (a.created < b.created ? 1 : -1))[0]
      if (newest !== undefined) return openKeyFile(newest, passphrase)
      throw new ChasquiError('KEY_MISSING', `there is no ${role} key in ${directory}`, {
        hint: 'bring the machine that holds it, or restore it with "publisher keys restore"'
      })
    },
    async add(files) {
      await ensureDirectory(fs, directory, 0o700)
      for (const bytes of files) {
        const { role, public: publicKey } = decodeKeyFile(bytes)
        await writeFileDurably(fs, join(directory, fileName(role, publicKey)), bytes, 0o600)
      }
    },
    async remove(publicKey) {
      const file = (await list()).find((key) => key.public === publicKey)
      if (file === undefined) return
      await fs.remove(join(directory, fileName(file.role, publicKey)))
      await fs.syncDirectory(directory)
    }
  }
}

function fileName(role: KeyRole, publicKey: string): string {
  return `${role}-${publicKey.slice(0, 16)}.key`
}
