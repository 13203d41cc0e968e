// Passphrases and PINs: from a file that a flag or the environment names, else from a prompt without echo. Never a flag.
import { resolve } from 'node:path'
import type { CommandLine } from '../src/cli/program.ts'
import { canPrompt, promptSecret } from '../src/cli/prompt.ts'
import { ChasquiError } from '../src/errors.ts'
import { writeFileDurably } from '../src/system/durable.ts'
import { requirePlace } from '../src/system/named-file.ts'
import { realFileSystem } from '../src/system/real-file-system.ts'
import { readSecretFile } from '../src/system/secret-file.ts'

/** The option of every command that opens protected keys. */
export const PASSPHRASE = [
  '--passphrase-file <file>',
  'file with the passphrase of the keys (CHASQUI_PASSPHRASE_FILE)'
] as const

/** The file that --passphrase-file or CHASQUI_PASSPHRASE_FILE names; undefined when neither does. */
export async function givenPassphrase(options: Record<string, unknown>): Promise<string | undefined> {
  const file = options.passphraseFile ?? process.env.CHASQUI_PASSPHRASE_FILE
  return typeof file === 'string' && file !== '' ? readSecretFile(file) : undefined
}

/** A new passphrase, typed twice. Throws USAGE. */
export async function promptNewPassphrase(signal: AbortSignal): Promise<string> {
  const first = await promptSecret('passphrase for the keys: ', signal)
  const second = await promptSecret('the same again: ', signal)
  if (first !== '' && first === second) return first
  throw new ChasquiError('USAGE', first === '' ? 'the passphrase is empty' : 'the two passphrases differ', {
    hint: 'run the command again'
  })
}

/** A passphrase for new keys, or null with --no-passphrase. Throws PASSPHRASE_NEEDED. */
export async function chosenPassphrase(
  options: Record<string, unknown>,
  line: CommandLine
): Promise<string | null> {
  if (options.passphrase === false) {
    line.output.note('the keys are not protected: anybody who reads them can release')
    return null
  }
  const given = await givenPassphrase(options)
  if (given !== undefined) return given
  if (canPrompt()) return promptNewPassphrase(line.signal)
  throw new ChasquiError('PASSPHRASE_NEEDED', 'a passphrase is needed to protect the keys', {
    hint: 'name its file with --passphrase-file, or choose --no-passphrase'
  })
}

/** Writes a secret file that must not exist yet. */
export async function writeNewSecret(file: string, bytes: Uint8Array): Promise<void> {
  const path = resolve(file)
  await requirePlace(path)
  if ((await realFileSystem.stat(path)) !== null) {
    throw new ChasquiError('USAGE', `${path} exists already`, { hint: 'choose another name' })
  }
  await writeFileDurably(realFileSystem, path, bytes, 0o600)
}
