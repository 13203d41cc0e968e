// A change that this home cannot sign alone becomes a request; requests that can no longer come out are cleared away.
import { asChasquiError } from '../../src/errors.ts'
import type { LocalFile } from '../../src/feed/publish-blocks.ts'
import { readRootChain } from '../../src/system/trust-store.ts'
import type { Current } from '../../src/trust/current.ts'
import type { FleetDraft } from '../../src/trust/draft.ts'
import { missingIn, type Review, reviewRequest } from '../../src/trust/request-review.ts'
import { createRequest, type SigningRequest } from '../../src/trust/signing-request.ts'
import type { PublisherApp } from '../app.ts'
import { groundOf } from './ground.ts'
import { dropPending, keepPending, listPending, type Pending } from './pending.ts'

/** What a change still waits for: the request that was left, and which roles lack signatures. */
export interface Waiting {
  request: string
  missing: { role: string; have: number; need: number }[]
}

export interface Left extends Pick<Pending, 'channel' | 'releases'> {
  /** what the change newly lists, in full */
  shown: ReadonlyMap<string, Uint8Array>
  /** what goes into the feed with it */
  put: readonly LocalFile[]
}

export const NO_RELEASES: Left = { channel: '', releases: [], shown: new Map(), put: [] }

/** The draft has the signatures of the keys that are here. */
export async function leaveRequest(app: PublisherApp, draft: FleetDraft, left: Left): Promise<Waiting> {
  await dropOutdated(app)
  const request = createRequest(draft, {
    fleetId: app.fleet.id,
    roots: (await readRootChain(app.paths.trust)).values(),
    current: await knownHere(app, [...draft.envelopes().keys()]),
    files: left.shown,
    now: app.now()
  })
  const { channel, releases, put } = left
  const kept = await keepPending(app, request, { channel, releases }, put)
  // one that was there already has signatures that the draft has not
  return { request: kept.file, missing: missingIn(await reviewHere(app, kept.request)) }
}

/** What this home trusts, as far as a change of these roles is concerned. */
async function knownHere(app: PublisherApp, roles: readonly string[]): Promise<Current> {
  const { current } = await groundOf(app, { isLost: true })
  return { ...current, roles: new Map([...current.roles].filter(([role]) => roles.includes(role))) }
}

/** The review of a request against what this home trusts. Throws REQUEST_INVALID, REQUEST_OUTDATED. */
export async function reviewHere(app: PublisherApp, request: SigningRequest): Promise<Review> {
  const current = await knownHere(
    app,
    request.roles.map(({ role }) => role)
  )
  return reviewRequest(request, { fleetId: app.fleet.id, current })
}

/** Requests whose roles were published since can never come out; the others are returned, reviewed. */
export async function dropOutdated(app: PublisherApp): Promise<Review[]> {
  const alive: Review[] = []
  for (const kept of await listPending(app)) {
    try {
      alive.push(await reviewHere(app, kept.request))
    } catch (error) {
      if (asChasquiError(error).code === 'REQUEST_OUTDATED') await dropPending(app, kept)
      else app.log.warn({ err: error, request: kept.id }, 'a waiting request cannot be read')
    }
  }
  return alive
}
