// Passphrases and PINs: from a file that a flag or the environment names, else from a prompt without echo. Never a flag.
import { createInterface } from 'node:readline'
import { Writable } from 'node:stream'
import { ChasquiError } from '../src/errors.ts'
import { readFileLimited } from '../src/system/durable.ts'
import { realFileSystem } from '../src/system/file-system.ts'

const SECRET_LIMIT = 10_000 // bytes

/** The first line of a file. Throws SECRET_FILE. */
export async function readSecretFile(path: string): Promise<string> {
  const bytes = await readFileLimited(realFileSystem, path, SECRET_LIMIT)
  const secret = bytes === null ? '' : (Buffer.from(bytes).toString('utf8').split(/\r?\n/)[0] ?? '')
  if (secret !== '') return secret
  throw new ChasquiError('SECRET_FILE', `${path} is missing or empty`, {
    hint: 'write the passphrase or PIN as the only line of that file'
  })
}

/** The file that --passphrase-file or CHASQUI_PASSPHRASE_FILE names; undefined when neither does. */
export async function givenPassphrase(options: Record<string, unknown>): Promise<string | undefined> {
  const file = options.passphraseFile ?? process.env.CHASQUI_PASSPHRASE_FILE
  return typeof file === 'string' && file !== '' ? readSecretFile(file) : undefined
}

export function canPrompt(): boolean {
  return process.stdin.isTTY === true && process.stderr.isTTY === true
}

/** Asks on the terminal; what is typed is not shown. Throws CANCELLED. */
export function promptSecret(question: string, signal: AbortSignal): Promise<string> {
  const silent = new Writable({ write: (_chunk, _encoding, done) => done() })
  const reader = createInterface({ input: process.stdin, output: silent, terminal: true })
  process.stderr.write(question)
  return new Promise((resolve, reject) => {
    const stop = () => {
      reader.close()
      reject(new ChasquiError('CANCELLED', 'no passphrase was given'))
    }
    signal.addEventListener('abort', stop, { once: true })
    reader.once('SIGINT', stop)
    reader.question('', (answer) => {
      signal.removeEventListener('abort', stop)
      reader.close()
      process.stderr.write('\n')
      resolve(answer)
    })
  })
}

/** A new passphrase, typed twice. Throws USAGE. */
export async function promptNewPassphrase(signal: AbortSignal): Promise<string> {
  const first = await promptSecret('passphrase for the keys: ', signal)
  const second = await promptSecret('the same again: ', signal)
  if (first !== '' && first === second) return first
  throw new ChasquiError('USAGE', first === '' ? 'the passphrase is empty' : 'the two passphrases differ')
}
