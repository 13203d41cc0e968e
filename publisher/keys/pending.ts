// A publish that waits for more signatures: the request, the packs and what is to happen to the channel are kept in the
// home, in one folder per request, until the last signature comes back.
import { basename, join } from 'node:path'
import { z } from 'zod'
import { ChasquiError } from '../../src/errors.ts'
import type { LocalFile } from '../../src/feed/writer.ts'
import { ensureDirectory, readFileLimited, removeTree, writeFileDurably } from '../../src/system/durable.ts'
import { canonicalBytes, sha256Hex } from '../../src/trust/bytes.ts'
import { LIMITS } from '../../src/trust/limits.ts'
import { decodeRequest, encodeRequest, type SigningRequest } from '../../src/trust/signing-request.ts'
import type { PublisherApp } from '../app.ts'

const pendingFile = z.strictObject({
  schema: z.literal(1),
  channel: z.string(),
  releases: z.array(z.strictObject({ module: z.string(), track: z.string(), version: z.string() })),
  /** drive path → file name in the folder */
  files: z.record(z.string(), z.string())
})
export type Pending = z.infer<typeof pendingFile>

export interface PendingRequest {
  id: string
  /** path of the file that travels */
  file: string
  request: SigningRequest
  pending: Pending
  folder: string
}

const MANIFEST = 'pending.json'
const REQUEST = 'request.json'

/** Two copies of one request have one id, whoever has signed them. */
export function requestId(request: SigningRequest): string {
  const content = request.roles.map(({ role, envelope }) => [role, envelope.signed])
  return sha256Hex(canonicalBytes([request.fleet, content])).slice(0, 16)
}

/** Keeps a publish for later: moves its packs out of staging. Returns the path of the request file. */
export async function keepPending(
  app: PublisherApp,
  request: SigningRequest,
  details: Pick<Pending, 'channel' | 'releases'>,
  put: readonly LocalFile[]
): Promise<PendingRequest> {
  const id = requestId(request)
  const folder = join(app.paths.root, 'requests', id)
  await ensureDirectory(app.fs, folder, 0o700)
  const files: Record<string, string> = {}
  for (const [i, entry] of put.entries()) {
    const name = 'file' in entry ? basename(entry.file) : `file-${i}`
    if ('file' in entry) await app.fs.rename(entry.file, join(folder, name))
    else await writeFileDurably(app.fs, join(folder, name), entry.bytes, 0o600)
    files[entry.path] = name
  }
  const pending: Pending = { schema: 1, ...details, files }
  await writeFileDurably(app.fs, join(folder, MANIFEST), Buffer.from(JSON.stringify(pending)), 0o600)
  const file = join(folder, REQUEST)
  await writeFileDurably(app.fs, file, encodeRequest(request), 0o600)
  return { id, file, request, pending, folder }
}

/** The waiting publish that a request belongs to, or null. */
export async function findPending(app: PublisherApp, id: string): Promise<PendingRequest | null> {
  const folder = join(app.paths.root, 'requests', id)
  const manifest = await readFileLimited(app.fs, join(folder, MANIFEST), LIMITS.requestBytes)
  const request = await readFileLimited(app.fs, join(folder, REQUEST), LIMITS.requestBytes)
  if (manifest === null || request === null) return null
  try {
    const pending = pendingFile.parse(JSON.parse(Buffer.from(manifest).toString('utf8')))
    return { id, file: join(folder, REQUEST), request: decodeRequest(request), pending, folder }
  } catch (cause) {
    throw new ChasquiError('REQUEST_INVALID', `${folder} is damaged`, { cause, hint: 'publish again' })
  }
}

export async function saveRequest(
  app: PublisherApp,
  kept: PendingRequest,
  request: SigningRequest
): Promise<void> {
  await writeFileDurably(app.fs, kept.file, encodeRequest(request), 0o600)
}

export function filesOf(kept: PendingRequest): LocalFile[] {
  return Object.entries(kept.pending.files).map(([path, name]) => ({ path, file: join(kept.folder, name) }))
}

export async function dropPending(app: PublisherApp, kept: PendingRequest): Promise<void> {
  await removeTree(app.fs, kept.folder)
}
