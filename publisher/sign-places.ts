// Where a signing request comes from and where the signature goes: a file that travels by mail or by stick.
import { resolve } from 'node:path'
import { ChasquiError } from '../src/errors.ts'
import { readFileLimited, writeFileDurably } from '../src/system/durable.ts'
import { realFileSystem } from '../src/system/file-system.ts'
import { LIMITS } from '../src/trust/limits.ts'
import type { Signed } from './keys/request-summary.ts'

export interface RequestPlace {
  kind: 'file'
  /** the request */
  text: string
  /** Puts the signed request, or the answer to it, where it goes; returns the place. */
  put(signed: Signed): Promise<string>
}

/** Throws REQUEST_NOT_FOUND. */
export async function openPlaces(target: string, out: unknown): Promise<RequestPlace[]> {
  const path = resolve(target)
  return [await inFile(path, typeof out === 'string' ? resolve(out) : path)]
}

async function inFile(path: string, out: string): Promise<RequestPlace> {
  const bytes = await readFileLimited(realFileSystem, path, LIMITS.requestBytes)
  if (bytes === null) throw new ChasquiError('REQUEST_NOT_FOUND', `there is no file ${path}`)
  return {
    kind: 'file',
    text: Buffer.from(bytes).toString('utf8'),
    async put({ released, request }) {
      // the home that made it has cleared its own copy away with the release
      const isGone = released && out === path && (await realFileSystem.stat(path)) === null
      if (!isGone) await writeFileDurably(realFileSystem, out, Buffer.from(request), 0o600)
      return out
    }
  }
}
