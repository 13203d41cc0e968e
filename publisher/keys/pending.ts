// Changes that wait for more signatures: the request, and for a publish its packs and what is to happen to the channel, in
// one folder of the home per request, until the last signature comes back or something else was published.
import { basename, join } from 'node:path'
import { z } from 'zod'
import { ChasquiError } from '../../src/errors.ts'
import type { LocalFile } from '../../src/feed/publish-blocks.ts'
import { ensureDirectory, readFileLimited, removeTree, writeFileDurably } from '../../src/system/durable.ts'
import { LIMITS } from '../../src/trust/limits.ts'
import {
  decodeRequest,
  encodeRequest,
  isSameChange,
  requestId,
  type SigningRequest
} from '../../src/trust/signing-request.ts'
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
const ID = /^[0-9a-f]{16}$/

type Home = Pick<PublisherApp, 'fs' | 'paths'>

/**
 * Keeps a change for later: moves its packs out of staging. The same ceremony run again keeps the request that is there,
 * with the signatures that it has; another change of the same roles takes its place, for only one of them can come out.
 */
export async function keepPending(
  app: Home,
  request: SigningRequest,
  details: Pick<Pending, 'channel' | 'releases'>,
  put: readonly LocalFile[]
): Promise<PendingRequest> {
  for (const other of await listPending(app)) {
    if (isSameChange(other.request, request) && hasSignaturesOf(other.request, request)) return other
    if (rolesIn(other.request) === rolesIn(request)) await dropPending(app, other)
  }
  const id = requestId(request)
  const folder = join(folderOf(app), id)
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

const rolesIn = (request: SigningRequest) => request.roles.map(({ role }) => role).join()

/** `kept` lacks no signature that `fresh` has. */
function hasSignaturesOf(kept: SigningRequest, fresh: SigningRequest): boolean {
  const idsOf = (request: SigningRequest, i: number) =>
    request.roles[i]?.envelope.signatures.map(({ keyid }) => keyid) ?? []
  return fresh.roles.every((_, i) => idsOf(fresh, i).every((id) => idsOf(kept, i).includes(id)))
}

/** The waiting change that a request belongs to, or null. Throws REQUEST_INVALID. */
export async function findPending(app: Home, id: string): Promise<PendingRequest | null> {
  const folder = join(folderOf(app), id)
  const manifest = await readFileLimited(app.fs, join(folder, MANIFEST), LIMITS.requestBytes)
  const request = await readFileLimited(app.fs, join(folder, REQUEST), LIMITS.requestBytes)
  if (manifest === null || request === null) return null
  try {
    const pending = pendingFile.parse(JSON.parse(Buffer.from(manifest).toString('utf8')))
    return { id, file: join(folder, REQUEST), request: decodeRequest(request), pending, folder }
  } catch (cause) {
    throw new ChasquiError('REQUEST_INVALID', `${folder} is damaged`, {
      cause,
      hint: 'remove that folder and make the change again'
    })
  }
}

/** Every change of this home that waits; a folder that is damaged is nobody's. */
export async function listPending(app: Home): Promise<PendingRequest[]> {
  const folder = folderOf(app)
  if ((await app.fs.stat(folder)) === null) return []
  const ids = (await app.fs.list(folder)).filter((name) => ID.test(name)).sort()
  const found = await Promise.all(ids.map((id) => findPending(app, id).catch(() => null)))
  return found.filter((each) => each !== null)
}

export async function saveRequest(app: Home, kept: PendingRequest, request: SigningRequest): Promise<void> {
  await writeFileDurably(app.fs, kept.file, encodeRequest(request), 0o600)
}

export function filesOf(kept: PendingRequest): LocalFile[] {
  return Object.entries(kept.pending.files).map(([path, name]) => ({ path, file: join(kept.folder, name) }))
}

export async function dropPending(app: Home, kept: PendingRequest): Promise<void> {
  await removeTree(app.fs, kept.folder)
}

function folderOf(app: Home): string {
  return join(app.paths.root, 'requests')
}
