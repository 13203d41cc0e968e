// Signing requests and their answers as letters on a stick (FORMAT 12.6). What this home asks of others goes out, what others
// ask of it is kept until somebody signs, and an answer to a request of this home is put to it; the last one releases it.
import { asChasquiError } from '../../src/errors.ts'
import type { Letter } from '../../src/stick/home.ts'
import { sha256Hex } from '../../src/trust/bytes.ts'
import { answerOf, decodeAnswer, encodeAnswer, withAnswer } from '../../src/trust/signing-answer.ts'
import {
  decodeRequest,
  encodeRequest,
  mergeRequests,
  requestId,
  type SigningRequest
} from '../../src/trust/signing-request.ts'
import type { PublisherApp } from '../app.ts'
import { oneChange } from '../turns.ts'
import { dropOutdated, reviewHere } from './leave-request.ts'
import { findPending, type PendingRequest, saveRequest } from './pending.ts'
import { isAnswerLetter, isRequestLetter, listReceived, saveReceived } from './received.ts'
import { releaseWhole } from './sign.ts'

export function answerLetter(request: SigningRequest): Letter {
  const bytes = encodeAnswer(answerOf(request))
  return { folder: 'grants', name: `sign-${requestId(request)}-${sha256Hex(bytes).slice(0, 16)}.json`, bytes }
}

/** Never throws: a stick is worth the trip without its requests too. */
export async function outgoingRequests(app: PublisherApp): Promise<Letter[]> {
  try {
    const own = (await dropOutdated(app)).map(({ request }) => requestLetter(request))
    const answers = (await listReceived(app)).filter(({ isSigned }) => isSigned)
    return [...own, ...answers.map(({ request }) => answerLetter(request))]
  } catch (error) {
    app.log.warn({ err: error }, 'signing requests were not put on the stick')
    return []
  }
}

function requestLetter(request: SigningRequest): Letter {
  return { folder: 'requests', name: `sign-${requestId(request)}.json`, bytes: encodeRequest(request) }
}

/** True when it was news; never throws for a bad letter. */
export async function takeRequestLetter(app: PublisherApp, letter: Letter): Promise<boolean> {
  const isAnswer = isAnswerLetter(letter)
  if (!isAnswer && !isRequestLetter(letter)) return false
  try {
    return await oneChange(app, () =>
      isAnswer ? takeAnswer(app, letter.bytes) : takeRequest(app, letter.bytes)
    )
  } catch (error) {
    app.log.warn({ err: error, letter: letter.name }, asChasquiError(error).message)
    return false
  }
}

async function takeRequest(app: PublisherApp, bytes: Uint8Array): Promise<boolean> {
  const request = decodeRequest(bytes)
  if (request.fleet !== app.fleet.id) return false
  const kept = await findPending(app, requestId(request))
  if (kept !== null) return settle(app, kept, mergeRequests(kept.request, request))
  const { request: right } = await reviewHere(app, request)
  const known = (await listReceived(app)).find(({ id }) => id === requestId(request))
  if (known !== undefined) return false
  await saveReceived(app, right, false)
  return true
}

async function takeAnswer(app: PublisherApp, bytes: Uint8Array): Promise<boolean> {
  const answer = decodeAnswer(bytes)
  const kept = answer.fleet === app.fleet.id ? await findPending(app, answer.request) : null
  return kept !== null && settle(app, kept, withAnswer(kept.request, answer))
}

/** Adds what is right to a request of this home, and releases it when nothing is missing any more. */
async function settle(app: PublisherApp, kept: PendingRequest, merged: SigningRequest): Promise<boolean> {
  const review = await reviewHere(app, merged)
  const isNew = count(review.request) > count(kept.request)
  if (isNew) await saveRequest(app, kept, review.request)
  return (await releaseWhole(app, kept, review)) || isNew
}

function count({ roles }: SigningRequest): number {
  return roles.reduce((sum, { envelope }) => sum + envelope.signatures.length, 0)
}
