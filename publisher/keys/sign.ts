// `sign REQUEST`: adds the signatures of the keys that are here, to what was reviewed. On the home that made the request,
// the last signature releases it: metadata, packs and channel in one step.
import { z } from 'zod'
import { parseArguments } from '../../src/control/arguments.ts'
import { ChasquiError } from '../../src/errors.ts'
import { CHANNELS_PATH, encodeChannels, withPointer } from '../../src/fleet/channels.ts'
import { CHANNELS_ROLE, targetEntry } from '../../src/trust/author.ts'
import { currentOf } from '../../src/trust/current.ts'
import { FleetDraft } from '../../src/trust/draft.ts'
import type { KeyFile } from '../../src/trust/key-file.ts'
import type { Signer } from '../../src/trust/keys.ts'
import type { KnownFleet } from '../../src/trust/request-base.ts'
import {
  isReleaseRole,
  missingIn,
  type Review,
  reviewRequest,
  rolesFor,
  signRequest
} from '../../src/trust/request-review.ts'
import {
  applyRequest,
  decodeRequest,
  mergeRequests,
  requestId,
  type SigningRequest
} from '../../src/trust/signing-request.ts'
import type { PublisherApp } from '../app.ts'
import { commit, commitKeyChange, finishKeyChange } from '../commit.ts'
import { signersOfFiles } from '../signing.ts'
import { onlineSigners, openDraft } from './change.ts'
import { isForNextFeed } from './feed-request.ts'
import { dropOutdated, reviewHere } from './leave-request.ts'
import { idOf } from './list.ts'
import { dropPending, filesOf, findPending, type PendingRequest, saveRequest } from './pending.ts'
import { saveReceived } from './received.ts'
import { releasesIn, type Signed, summaryOf } from './request-summary.ts'

const signArgs = z.strictObject({
  /** the request file, text */
  request: z.string(),
  /** roles besides those of releases that may be signed: root, targets, channels */
  roles: z.array(z.string()).default([]),
  /** only look */
  dryRun: z.boolean().default(false),
  passphrase: z.string().optional()
})

const SIGNING = ['release', 'targets', 'root']

/** `sign` on a publisher's home. Throws REQUEST_*, FLEET_MISMATCH, KEY_MISSING, ROLE_NOT_NAMED, PASSPHRASE_*. */
export async function signOnHome(app: PublisherApp, raw: unknown): Promise<Signed> {
  const args = parseArguments(signArgs, raw)
  const given = decodeRequest(new Uint8Array(Buffer.from(args.request, 'utf8')))
  refuseOtherFleet(app, given)
  const kept = await findPending(app, requestId(given))
  const before = await reviewHere(app, kept === null ? given : mergeRequests(given, kept.request))
  const here = (await app.keys.list()).filter(({ role }) => SIGNING.includes(role))
  const ids = here.map(idOf)
  const looked = summaryOf(before, ids)
  if (args.dryRun) return looked
  const signed = signWithHome(app, before, here, args, kept !== null)
  const after = await reviewHere(app, signed)
  if (kept !== null) await saveRequest(app, kept, after.request)
  else await saveReceived(app, after.request, true)
  const released = kept !== null && (await releaseWhole(app, kept, after))
  return { ...summaryOf(after, ids, before), released }
}

function refuseOtherFleet(app: PublisherApp, { fleet }: SigningRequest): void {
  if (fleet === app.fleet.id) return
  throw new ChasquiError('FLEET_MISMATCH', 'the signing request belongs to another fleet', {
    hint: 'sign it in the home of that fleet, or with --key on another machine'
  })
}

/** The keys of this home that are asked sign; on the home that made the request none need be left. */
function signWithHome(
  app: PublisherApp,
  review: Review,
  here: readonly KeyFile[],
  { roles, passphrase }: z.infer<typeof signArgs>,
  mayLack: boolean
): SigningRequest {
  const isDue = (role: string) => isReleaseRole(role) || roles.includes(role)
  const asked = here.filter((file) => rolesFor(review, idOf(file)).length > 0)
  const due = asked.filter((file) => rolesFor(review, idOf(file)).some(isDue))
  if (due.length === 0 && mayLack) return review.request
  if (due.length === 0) return signRequest(review, asked.map(unopened), roles)
  return signRequest(review, signersOfFiles(app, due, passphrase), roles)
}

/** A key that is only asked about; the request refuses it before it could sign. */
function unopened(file: KeyFile): Signer {
  const refuse = () => {
    throw new TypeError('the key is not open')
  }
  return { keyid: idOf(file), publicKey: new Uint8Array(Buffer.from(file.public, 'hex')), sign: refuse }
}

/** What a key that is not part of a home is asked for. Throws FLEET_MISMATCH, REQUEST_*. */
export function lookWithKey(request: SigningRequest, keyid: string, known: KnownFleet): Signed {
  return summaryOf(reviewRequest(request, known), [keyid])
}

/** Signs with one key that is not part of a home: another person's machine. */
export function signWithKey(
  request: SigningRequest,
  signer: Signer,
  known: KnownFleet,
  roles: readonly string[] = []
): Signed {
  const before = reviewRequest(request, known)
  releasesIn(before) // what cannot be read cannot be signed
  const after = reviewRequest(signRequest(before, [signer], roles), known)
  return summaryOf(after, [signer.keyid], before)
}

/** Publishes a change of this home as soon as nobody has to sign any more; false before. */
export async function releaseWhole(
  app: PublisherApp,
  kept: PendingRequest,
  review: Review
): Promise<boolean> {
  // what cannot be appended to the feed of now waits for the command that starts the next one
  if (missingIn(review).length > 0 || (await isForNextFeed(app, kept.id))) return false
  const draft = await draftOf(app, review.request)
  await release(app, draft, kept, await onlineSigners(app))
  await dropOutdated(app)
  return true
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
