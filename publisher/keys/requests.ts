// `sign` without a file: which requests wait, those of this home and those that a stick has brought.
import { z } from 'zod'
import { parseArguments } from '../../src/control/arguments.ts'
import { ChasquiError } from '../../src/errors.ts'
import { missingIn, titleOf } from '../../src/trust/request-review.ts'
import { encodeRequest, requestId } from '../../src/trust/signing-request.ts'
import type { PublisherApp } from '../app.ts'
import { dropOutdated, reviewHere } from './leave-request.ts'
import { findPending } from './pending.ts'
import { listReceived } from './received.ts'

export interface RequestLine {
  id: string
  title: string
  /** roles that still lack signatures */
  missing: { role: string; have: number; need: number }[]
}

export interface RequestList {
  /** of this home: they wait for others */
  made: RequestLine[]
  /** of other homes: they wait for this one */
  received: RequestLine[]
}

/** Changes that still lack signatures. */
export async function listRequests(app: PublisherApp): Promise<RequestList> {
  const made = await dropOutdated(app)
  const open = (await listReceived(app)).filter(({ isSigned }) => !isSigned)
  const received = await Promise.all(open.map(({ request }) => reviewHere(app, request)))
  const line = (review: (typeof made)[number]): RequestLine => ({
    id: requestId(review.request),
    title: titleOf(review),
    missing: missingIn(review)
  })
  return { made: made.map(line), received: received.map(line) }
}

const showArgs = z.strictObject({ id: z.string().regex(/^[0-9a-f]{16}$/) })

/** The text of a request that this home has. Throws REQUEST_NOT_FOUND. */
export async function showRequest(app: PublisherApp, raw: unknown): Promise<{ request: string }> {
  const { id } = parseArguments(showArgs, raw)
  const own = await findPending(app, id)
  const found = own?.request ?? (await listReceived(app)).find((each) => each.id === id)?.request
  if (found !== undefined) return { request: Buffer.from(encodeRequest(found)).toString('utf8') }
  throw new ChasquiError('REQUEST_NOT_FOUND', `no request ${id} is in this home`, {
    hint: 'see "publisher sign" for those that are'
  })
}
