// `publisher sign`: the signature that another person, another machine or another key file adds to a change.
import { resolve } from 'node:path'
import type { Command } from 'commander'
import { act, type CommandLine } from '../src/cli/program.ts'
import { ChasquiError } from '../src/errors.ts'
import { readFileLimited, writeFileDurably } from '../src/system/durable.ts'
import { realFileSystem } from '../src/system/file-system.ts'
import { decodeKeyFile, openKeyFile, Passphrase } from '../src/trust/key-file.ts'
import { keyPairOf, signerOf } from '../src/trust/keys.ts'
import { LIMITS } from '../src/trust/limits.ts'
import { decodeRequest } from '../src/trust/signing-request.ts'
import { runWithKeys } from './cli.ts'
import { type Signed, signWithKey } from './keys/sign.ts'
import { givenPassphrase, PASSPHRASE } from './secrets.ts'

export function addSignCommand(group: Command): void {
  const command = group
    .command('sign')
    .description('signs a request; the last signature releases it on the home that made it')
    .argument('<request>', 'the file')
    .option('--key <file>', 'a key file in place of the keys of this home')
    .option('--out <file>', 'where to write it; default: the same file')
    .option(...PASSPHRASE)
  act(command, async (line, options, [path]) => {
    const file = resolve(String(path))
    const bytes = await readFileLimited(realFileSystem, file, LIMITS.requestBytes)
    if (bytes === null) throw new ChasquiError('REQUEST_INVALID', `there is no file ${file}`)
    const text = Buffer.from(bytes).toString('utf8')
    const signed =
      typeof options.key === 'string' ? await signByFile(bytes, options) : await signHere(line, options, text)
    const out = typeof options.out === 'string' ? resolve(options.out) : file
    const isGone = signed.released && out === file && (await realFileSystem.stat(file)) === null
    if (!isGone) await writeFileDurably(realFileSystem, out, Buffer.from(signed.request), 0o600)
    const { request: _, ...result } = signed
    line.output.result({ ...result, file: out }, describeSigned(result, out))
    return undefined
  })
}

function signHere(line: CommandLine, options: Record<string, unknown>, request: string): Promise<Signed> {
  return runWithKeys<Signed>(line, options, 'sign', { request })
}

async function signByFile(bytes: Uint8Array, options: Record<string, unknown>): Promise<Signed> {
  const keyFile = await readFileLimited(realFileSystem, resolve(String(options.key)), LIMITS.keyFileBytes)
  if (keyFile === null) throw new ChasquiError('KEY_MISSING', `there is no key file ${options.key}`)
  const passphrase = await givenPassphrase(options)
  const key = openKeyFile(
    decodeKeyFile(keyFile),
    passphrase === undefined ? null : new Passphrase(passphrase)
  )
  const signed = signWithKey(decodeRequest(bytes), signerOf(keyPairOf(key.seed)))
  return { ...signed, missing: [], released: false }
}

function describeSigned({ title, missing, released }: Omit<Signed, 'request'>, out: string): string {
  if (released) return `${title} is released`
  const open = missing.map(({ role, have, need }) => `${role} has ${have} of ${need} signatures`)
  return [`${title} is signed; bring ${out} to the next signer or back to the publisher`, ...open].join('\n')
}
