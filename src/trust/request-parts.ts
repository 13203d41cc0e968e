// The metadata inside a signing request, strictly: a field that is not known here could not be shown to whoever signs, so
// it is refused (unlike at a branch, which ignores what it does not know).
import { z } from 'zod'
import { type Envelope, type RootPart, SPEC_VERSION, type TargetsPart } from './envelope.ts'
import { LIMITS } from './limits.ts'

const hex32 = z.string().regex(/^[0-9a-f]{64}$/)
const positive = z.int().min(1)
const common = {
  spec_version: z.literal(SPEC_VERSION),
  version: positive,
  expires: z.string().regex(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$/)
}
const keys = z.record(
  hex32,
  z.strictObject({
    keytype: z.literal('ed25519'),
    scheme: z.literal('ed25519'),
    keyval: z.strictObject({ public: hex32 })
  })
)
const signers = { keyids: z.array(hex32).min(1).max(LIMITS.signatures), threshold: positive }
const roleKeys = z.strictObject(signers)

const rootPart = z.strictObject({
  _type: z.literal('root'),
  ...common,
  consistent_snapshot: z.literal(true),
  keys,
  roles: z.strictObject({ root: roleKeys, targets: roleKeys, snapshot: roleKeys, timestamp: roleKeys }),
  'x-chasqui': z.record(z.string(), z.unknown())
})

const targetsPart = z.strictObject({
  _type: z.literal('targets'),
  ...common,
  targets: z.record(
    z.string(),
    z.strictObject({ length: z.int().min(0), hashes: z.strictObject({ sha256: hex32 }) })
  ),
  delegations: z
    .strictObject({
      keys,
      roles: z.array(
        z.strictObject({
          name: z.string().max(130),
          ...signers,
          terminating: z.boolean(),
          paths: z.array(z.string().max(1_000)).max(1_000)
        })
      )
    })
    .optional()
})

const envelopeFile = z.strictObject({
  signatures: z
    .array(z.strictObject({ keyid: hex32, sig: z.string().regex(/^[0-9a-f]{128}$/) }))
    .max(LIMITS.signatures),
  signed: z.discriminatedUnion('_type', [rootPart, targetsPart])
})

/** Root, targets, or a role that targets delegates to. */
export type ChangedPart = RootPart | TargetsPart

/** A metadata file of a request, with the signatures that it has so far. */
// zod writes an optional field as one that may be undefined; parsed JSON has no undefined
export const envelope = envelopeFile as unknown as z.ZodType<Envelope<ChangedPart>>
