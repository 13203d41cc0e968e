// `sign REQUEST`: adds the signatures of the keys that are here. On the home that made the request, the last signature
// releases it: metadata, packs and channel in one step.
import { z } from 'zod'
import { ChasquiError } from '../../src/errors.ts'
import { CHANNELS_PATH, encodeChannels, withPointer } from '../../src/fleet/channels.ts'
import { CHANNELS_ROLE, targetEntry } from '../../src/trust/author.ts'
import { currentOf } from '../../src/trust/current.ts'
import { FleetDraft } from '../../src/trust/draft.ts'
import type { KeyRole } from '../../src/trust/key-file.ts'
import type { Signer } from '../../src/trust/keys.ts'
import {
  applyRequest,
  decodeRequest,
  describeRequest,
  encodeRequest,
  mergeRequests,
  openKeys,
  type SigningRequest,
  signRequest
} from '../../src/trust/signing-request.ts'
import type { PublisherApp } from '../app.ts'
import { commit, commitKeyChange, finishKeyChange } from '../commit.ts'
import { openSigners } from '../signing.ts'
import { parse } from './arguments.ts'
import { onlineSigners, openDraft } from './change.ts'
import { isForNextFeed } from './feed-request.ts'
import { dropPending, filesOf, findPending, type PendingRequest, requestId, saveRequest } from './pending.ts'

const signArgs = z.strictObject({
  /** the request file, text */
  request: z.string(),
  passphrase: z.string().optional()
})

export interface Signed {
  /** the request with the signatures that it has now, text */
  request: string
  title: string
  signs: { role: string; version: number; targets: string[] }[]
  /** roles that still lack signatures */
  missing: { role: string; have: number; need: number }[]
  /** it is published now */
  released: boolean
}

/** `sign` on a publisher's home. Throws REQUEST_*, FLEET_MISMATCH, KEY_MISSING, PASSPHRASE_*. */
export async function signOnHome(app: PublisherApp, raw: unknown): Promise<Signed> {
  const args = parse(signArgs, raw)
  const given = decodeRequest(new Uint8Array(Buffer.from(args.request, 'utf8')))
  if (given.fleet !== app.fleet.id) {
    throw new ChasquiError('FLEET_MISMATCH', 'the signing request belongs to another fleet')
  }
  const kept = await findPending(app, requestId(given))
  const merged = kept === null ? given : mergeRequests(given, kept.request)
  const signed = await addOurs(app, merged, args.passphrase, kept !== null)
  if (kept !== null) await saveRequest(app, kept, signed)
  const draft = await draftOf(app, signed)
  const missing = draft.missing().map(({ role, have, need }) => ({ role, have, need }))
  // what cannot be appended to the feed of now waits for the command that starts the next one
  const isComplete = kept !== null && missing.length === 0 && !(await isForNextFeed(app, kept.id))
  if (isComplete) await release(app, draft, kept, await onlineSigners(app))
  return { ...describe(signed), missing, released: isComplete }
}

/** Signs with the release keys that are asked for; on the home that made it, none need be left. */
async function addOurs(
  app: PublisherApp,
  request: SigningRequest,
  passphrase: string | undefined,
  mayLack: boolean
): Promise<SigningRequest> {
  const wanted = new Set(openKeys(request))
  const roles: KeyRole[] = ['release', 'targets', 'root']
  const here = (await app.keys.list()).filter((file) => roles.includes(file.role))
  if (wanted.size === 0 || (mayLack && here.length === 0)) return request
  const signers = await openSigners(app, roles, passphrase)
  const fitting = signers.filter(({ keyid }) => wanted.has(keyid))
  return fitting.length === 0 && mayLack ? request : signRequest(request, fitting)
}

/** Signs with one key that is not part of a home: another person's machine. */
export function signWithKey(
  request: SigningRequest,
  signer: Signer
): Pick<Signed, 'request' | 'title' | 'signs'> {
  return describe(signRequest(request, [signer]))
}

function describe(request: SigningRequest) {
  return {
    request: Buffer.from(encodeRequest(request)).toString('utf8'),
    title: request.title,
    signs: describeRequest(request)
  }
}

async function draftOf(app: PublisherApp, request: SigningRequest): Promise<FleetDraft> {
  if (isKeyChange(request)) {
    const draft = await openDraft(app, { isLost: await isForNextFeed(app, requestId(request)) })
    applyRequest(draft, request, app.fleet.id)
    return draft
  }
  const { trust } = await app.fleet.view()
  const roles = request.roles.map(({ role }) => role).filter((role) => role !== 'root' && role !== 'targets')
  const current = await currentOf(trust, [CHANNELS_ROLE, ...roles])
  const draft = new FleetDraft(current, app.now())
  applyRequest(draft, request, app.fleet.id)
  return draft
}

function isKeyChange(request: SigningRequest): boolean {
  return request.roles.some(({ role }) => role === 'root')
}

async function release(
  app: PublisherApp,
  draft: FleetDraft,
  kept: PendingRequest,
  online: readonly Signer[]
): Promise<void> {
  if (isKeyChange(kept.request)) {
    await commitKeyChange(app, await finishKeyChange(app, draft, online))
    return dropPending(app, kept)
  }
  const { channels } = await app.fleet.view()
  const { channel, releases } = kept.pending
  const moved = releases.reduce(
    (all, { module, track, version }) => withPointer(all, { channel, module, track }, { version }),
    channels
  )
  const bytes = encodeChannels(moved)
  const files = filesOf(kept)
  if (releases.length > 0) {
    draft.setTarget(CHANNELS_ROLE, CHANNELS_PATH, targetEntry(bytes))
    files.push({ path: `/${CHANNELS_PATH}`, bytes })
  }
  await commit(app, draft.finish(online), files)
  await dropPending(app, kept)
}
