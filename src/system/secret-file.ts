// A passphrase or a PIN in a file of its own: never on the command line, where others see it.
import { ChasquiError } from '../errors.ts'
import { readNamedFile } from './named-file.ts'

const SECRET_LIMIT = 10_000 // bytes

/** The first line of a file. Throws SECRET_FILE. */
export async function readSecretFile(path: string): Promise<string> {
  const bytes = await readNamedFile(path, SECRET_LIMIT)
  const secret = bytes === null ? '' : (Buffer.from(bytes).toString('utf8').split(/\r?\n/)[0] ?? '')
  if (secret !== '') return secret
  throw new ChasquiError('SECRET_FILE', `${path} is missing, empty or no file`, {
    hint: 'write the passphrase or PIN as the only line of that file'
  })
}
