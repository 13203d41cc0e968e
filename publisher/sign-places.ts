// Where a signing request comes from and where the signature goes: a file that travels by mail, a stick, or this home,
// which keeps what a stick has brought.
import { join, resolve } from 'node:path'
import type { CommandLine } from '../src/cli/program.ts'
import { ChasquiError } from '../src/errors.ts'
import { givenPlace } from '../src/stick/given-place.ts'
import { giveLetters, listLetters } from '../src/stick/letters.ts'
import { openFolder } from '../src/stick/open.ts'
import { readFileLimited, writeFileDurably } from '../src/system/durable.ts'
import { requirePlace } from '../src/system/named-file.ts'
import { realFileSystem } from '../src/system/real-file-system.ts'
import { LIMITS } from '../src/trust/limits.ts'
import { decodeRequest } from '../src/trust/signing-request.ts'
import { run } from './cli.ts'
import { isRequestLetter } from './keys/received.ts'
import { answerLetter } from './keys/request-letters.ts'
import type { Signed } from './keys/request-summary.ts'

export interface RequestPlace {
  kind: 'file' | 'stick' | 'home'
  name: string
  /** the request */
  text: string
  /** Puts the signed request, or the answer to it, where it goes; returns the place. */
  put(signed: Signed): Promise<string>
}

/** Throws REQUEST_INVALID, REQUEST_NOT_FOUND, STICK_*. */
export async function openPlaces(line: CommandLine, target: string, out: unknown): Promise<RequestPlace[]> {
  const path = resolve(target)
  const found = await realFileSystem.stat(path)
  if (found?.kind === 'directory') return onStick(path)
  if (found === null && /^[0-9a-f]{16}$/.test(target)) return [await inHome(line, target)]
  if (typeof out === 'string') await requirePlace(out)
  return [await inFile(path, typeof out === 'string' ? resolve(out) : path)]
}

async function inFile(path: string, out: string): Promise<RequestPlace> {
  const bytes = await readFileLimited(realFileSystem, path, LIMITS.requestBytes)
  if (bytes === null) {
    throw new ChasquiError('REQUEST_NOT_FOUND', `there is no file ${path}`, {
      hint: '"chasqui publisher sign" shows the requests that wait here'
    })
  }
  return {
    kind: 'file',
    name: path,
    text: Buffer.from(bytes).toString('utf8'),
    async put({ released, request }) {
      // the home that made it has cleared its own copy away with the release
      const isGone = released && out === path && (await realFileSystem.stat(path)) === null
      if (!isGone) await writeFileDurably(realFileSystem, out, Buffer.from(request), 0o600)
      return out
    }
  }
}

/** Anybody may have written on a stick: whether a letter can be signed, each one is asked for itself. */
async function onStick(path: string): Promise<RequestPlace[]> {
  const folder = await openFolder(realFileSystem, await givenPlace(realFileSystem, path))
  const letters = (await listLetters(folder)).filter(isRequestLetter)
  return letters.map(({ bytes, name }) => ({
    kind: 'stick',
    name,
    text: Buffer.from(bytes).toString('utf8'),
    async put({ request, signed }) {
      if (signed.length === 0) return path
      const letter = answerLetter(decodeRequest(new Uint8Array(Buffer.from(request))))
      await giveLetters(folder, [letter])
      return join(folder.root, letter.folder, letter.name)
    }
  }))
}

async function inHome(line: CommandLine, id: string): Promise<RequestPlace> {
  const { request } = await run<{ request: string }>(line, 'requests.show', { id })
  return { kind: 'home', name: id, text: request, put: async () => id }
}
