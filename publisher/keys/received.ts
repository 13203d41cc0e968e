// Requests of other homes that a stick has brought, kept until they are over: first as they came, then with the signatures of
// this home. And when a request or an answer is over.
import { join } from 'node:path'
import type { Letter } from '../../src/stick/home.ts'
import { ensureDirectory, readFileLimited, writeFileDurably } from '../../src/system/durable.ts'
import { FleetDraft } from '../../src/trust/draft.ts'
import { LIMITS } from '../../src/trust/limits.ts'
import { decodeAnswer } from '../../src/trust/signing-answer.ts'
import {
  decodeRequest,
  encodeRequest,
  requestId,
  type SigningRequest
} from '../../src/trust/signing-request.ts'
import type { PublisherApp } from '../app.ts'
import { groundOf } from './ground.ts'

const REQUEST = /^sign-[0-9a-f]{16}\.json$/
const ANSWER = /^sign-[0-9a-f]{16}-[0-9a-f]{16}\.json$/

export function isRequestLetter({ folder, name }: Pick<Letter, 'folder' | 'name'>): boolean {
  return folder === 'requests' && REQUEST.test(name)
}

export function isAnswerLetter({ folder, name }: Pick<Letter, 'folder' | 'name'>): boolean {
  return folder === 'grants' && ANSWER.test(name)
}

/** A request or an answer to one whose roles were published since. */
export async function isSpentRequest(app: PublisherApp, letter: Letter): Promise<boolean> {
  try {
    const versions = versionsIn(app, letter)
    if (versions.length === 0) return false
    const draft = new FleetDraft((await groundOf(app, { isLost: true })).current, 0, { clockIsRight: true })
    return versions.some(([role, version]) => version < draft.nextVersion(role))
  } catch {
    return false // what cannot be read is not ours to take away
  }
}

function versionsIn(app: PublisherApp, letter: Letter): [role: string, version: number][] {
  if (isRequestLetter(letter)) {
    const { fleet, roles } = decodeRequest(letter.bytes)
    return fleet === app.fleet.id ? roles.map(({ role, envelope }) => [role, envelope.signed.version]) : []
  }
  if (!isAnswerLetter(letter)) return []
  const { fleet, signatures } = decodeAnswer(letter.bytes)
  return fleet === app.fleet.id ? signatures.map(({ role, version }) => [role, version]) : []
}

export interface ReceivedRequest {
  id: string
  request: SigningRequest
  /** somebody has signed it in this home */
  isSigned: boolean
}

/** Requests of other homes that a stick has brought; those that are over are cleared away. */
export async function listReceived(app: PublisherApp): Promise<ReceivedRequest[]> {
  const folder = receivedFolder(app)
  if ((await app.fs.stat(folder)) === null) return []
  const found: ReceivedRequest[] = []
  for (const name of (await app.fs.list(folder)).filter((each) =>
    /^[0-9a-f]{16}(\.signed)?\.json$/.test(each)
  )) {
    const path = join(folder, name)
    const bytes = await readFileLimited(app.fs, path, LIMITS.requestBytes)
    if (bytes === null) continue
    const letter = { folder: 'requests' as const, name: `sign-${name.slice(0, 16)}.json`, bytes }
    if (await isSpentRequest(app, letter)) await app.fs.remove(path)
    else
      found.push({ id: name.slice(0, 16), request: decodeRequest(bytes), isSigned: name.includes('.signed') })
  }
  return found
}

/** Keeps a request of another home; once it is signed here, in the place of the copy that was not. */
export async function saveReceived(
  app: PublisherApp,
  request: SigningRequest,
  isSigned: boolean
): Promise<void> {
  const folder = receivedFolder(app)
  await ensureDirectory(app.fs, folder, 0o700)
  const path = (signed: boolean) => join(folder, `${requestId(request)}${signed ? '.signed' : ''}.json`)
  await writeFileDurably(app.fs, path(isSigned), encodeRequest(request), 0o600)
  if (isSigned && (await app.fs.stat(path(false))) !== null) await app.fs.remove(path(false))
}

function receivedFolder(app: PublisherApp): string {
  return join(app.paths.root, 'requests', 'received')
}
