// The answer to a signing request, as a letter on a stick: only the signatures, for the home that has the request. FORMAT 5.6.
import { z } from 'zod'
import { LIMITS } from './limits.ts'
import { invalidRequest, requestId, type SigningRequest } from './signing-request.ts'

const answerFile = z.strictObject({
  schema: z.literal('chasqui/answer/1'),
  /** fleet id, hex */
  fleet: z.string().regex(/^[0-9a-f]{64}$/),
  /** id of the request: 16 hex digits */
  request: z.string().regex(/^[0-9a-f]{16}$/),
  signatures: z
    .array(
      z.strictObject({
        role: z.string().max(130),
        /** of the role: when it was published, the answer is over */
        version: z.int().min(1),
        keyid: z.string().regex(/^[0-9a-f]{64}$/),
        sig: z.string().regex(/^[0-9a-f]{128}$/)
      })
    )
    .max(LIMITS.signatures * 2_000)
})
export type SigningAnswer = z.infer<typeof answerFile>

/** Every signature that a copy of the request has. */
export function answerOf(request: SigningRequest): SigningAnswer {
  const signatures = request.roles.flatMap(({ role, envelope }) =>
    envelope.signatures.map(({ keyid, sig }) => ({ role, version: envelope.signed.version, keyid, sig }))
  )
  return { schema: 'chasqui/answer/1', fleet: request.fleet, request: requestId(request), signatures }
}

export function encodeAnswer(answer: SigningAnswer): Uint8Array {
  return new Uint8Array(Buffer.from(`${JSON.stringify(answer)}\n`, 'utf8'))
}

/** Throws REQUEST_INVALID. */
export function decodeAnswer(bytes: Uint8Array): SigningAnswer {
  try {
    return answerFile.parse(JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes)))
  } catch (cause) {
    throw invalidRequest('the answer to it cannot be read', cause)
  }
}

/** The request with the signatures of an answer; which of them are right, a review says. Throws REQUEST_INVALID. */
export function withAnswer(request: SigningRequest, answer: SigningAnswer): SigningRequest {
  if (answer.request !== requestId(request) || answer.fleet !== request.fleet) {
    throw invalidRequest('the answer is to another one')
  }
  const roles = request.roles.map(({ role, envelope }) => {
    const added = answer.signatures.filter((each) => each.role === role)
    const signatures = [...envelope.signatures, ...added.map(({ keyid, sig }) => ({ keyid, sig }))]
    return { role, envelope: { ...envelope, signatures } }
  })
  return { ...request, roles }
}
