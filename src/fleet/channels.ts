// channels.json: what each channel points at, how far a rollout reaches, what is withdrawn (FORMAT 11). It is a TUF target
// of the online role `channels`: it chooses among signed releases and never makes one. Bytes in, data out; the signatures
// of allow-downgrade statements are checked by the caller, who knows the release keys.
import { canonicalize } from '@tufjs/canonical-json'
import { z } from 'zod'
import { ChasquiError } from '../errors.ts'
import { MODULE_NAME, TRACK_NAME } from '../release/names.ts'

export const CHANNELS_PATH = 'channels.json'
export const CHANNELS_LIMIT = 8 * 1024 * 1024 // bytes

const LIMITS = { names: 10_000, text: 2_000, phases: 32, downgrades: 10_000 }

const moduleName = z.string().regex(MODULE_NAME)
const trackName = z.string().regex(TRACK_NAME)
const channelName = z.string().regex(/^[a-z0-9][a-z0-9_.-]{0,49}$/)
const version = z.string().regex(/^[0-9A-Za-z][0-9A-Za-z.+~_-]{0,99}$/)
const time = z.iso.datetime({ offset: false, precision: 0 })
const percentage = z.number().min(0).max(100)

const rollout = z.object({
  /** grows with every resume: failure evidence of an earlier round no longer counts */
  round: z.int().min(0),
  status: z.enum(['active', 'paused', 'halted']),
  /** when it began; phases count from here */
  started: time,
  /** paused or halted since then: phases stand still meanwhile */
  stopped: time.optional(),
  /** what those who are not reached yet should run; null: nothing new */
  from: version.nullable(),
  /** of the branches in `groups` (or of all): 0 to 100 */
  percentage: percentage.optional(),
  groups: z.array(z.string().min(1).max(100)).max(LIMITS.names).optional(),
  /** names or node ids that are reached whatever the percentage */
  branches: z.array(z.string().min(1).max(200)).max(LIMITS.names).optional(),
  /** percentages that follow one another by themselves, each after the soak (hours) of the one before */
  phases: z
    .array(z.object({ percentage, soak: z.number().min(0).max(10_000) }))
    .max(LIMITS.phases)
    .optional(),
  /** branches hold the release by themselves at this many failures and this share of those that tried */
  haltAfter: z.object({ failures: z.int().min(1), percentage }).optional()
})

const pointer = z.object({ version, rollout: rollout.optional() })
const yank = z.object({ at: time, reason: z.string().max(LIMITS.text) })

const downgradeStatement = z.object({
  /** the fleet that it is for: hex id */
  fleet: z.string().regex(/^[0-9a-f]{64}$/),
  channel: channelName,
  module: moduleName,
  track: trackName,
  /** the version that branches above it may go down to */
  version,
  created: time,
  expires: time.optional()
})
const downgrade = z.object({
  statement: downgradeStatement,
  signatures: z.array(z.object({ keyid: z.string().max(128), sig: z.string().max(256) })).max(32)
})

const channelsFile = z.object({
  schema: z.literal(1),
  channels: z.record(channelName, z.record(moduleName, z.record(trackName, pointer))),
  /** module → track → version */
  yanked: z.record(moduleName, z.record(trackName, z.record(version, yank))),
  downgrades: z.array(downgrade).max(LIMITS.downgrades)
})

export type Rollout = z.infer<typeof rollout>
export type Pointer = z.infer<typeof pointer>
export type Yanks = z.infer<typeof channelsFile>['yanked']
export type DowngradeStatement = z.infer<typeof downgradeStatement>
export type Downgrade = z.infer<typeof downgrade>
export type Channels = z.infer<typeof channelsFile>

/** A file that points at nothing. */
export function emptyChannels(): Channels {
  return { schema: 1, channels: {}, yanked: {}, downgrades: [] }
}

/** Reads channels.json; fields that this version does not know are ignored. Throws CHANNELS_INVALID. */
export function parseChannels(bytes: Uint8Array): Channels {
  if (bytes.length > CHANNELS_LIMIT) throw invalid('it is larger than its format allows')
  let raw: unknown
  try {
    raw = JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes))
  } catch (cause) {
    throw invalid('it is not JSON', cause)
  }
  const parsed = channelsFile.safeParse(raw)
  if (parsed.success) return parsed.data
  const issue = parsed.error.issues[0]
  throw invalid(`${issue?.path.join('.') ?? ''}: ${issue?.message ?? 'wrong'}`)
}

/** The bytes that are published. They are kept as they are: whoever signs their hash signs them. */
export function encodeChannels(channels: Channels): Uint8Array {
  return new TextEncoder().encode(`${JSON.stringify(channelsFile.parse(channels))}\n`)
}

function invalid(what: string, cause?: unknown): ChasquiError {
  return new ChasquiError('CHANNELS_INVALID', `channels.json cannot be used: ${what.slice(0, 300)}`, {
    cause,
    hint: 'the publisher must publish it again'
  })
}

/** What a channel points at, or null. */
export function pointerOf(
  channels: Channels,
  channel: string,
  module: string,
  track: string
): Pointer | null {
  return own(own(own(channels.channels, channel), module), track) ?? null
}

/** The tracks of a module that a channel points at. */
export function tracksOf(channels: Channels, channel: string, module: string): string[] {
  return Object.keys(own(own(channels.channels, channel), module) ?? {})
}

/** The same file with one pointer moved. */
export function withPointer(
  channels: Channels,
  at: { channel: string; module: string; track: string },
  to: Pointer
): Channels {
  const modules = own(channels.channels, at.channel) ?? {}
  const tracks = { ...own(modules, at.module), [at.track]: to }
  return {
    ...channels,
    channels: { ...channels.channels, [at.channel]: { ...modules, [at.module]: tracks } }
  }
}

/** The same file with one release withdrawn; a yank that is there already stays as it was. */
export function withYank(
  channels: Channels,
  at: { module: string; track: string; version: string },
  yanked: { at: string; reason: string }
): Channels {
  const one = { [at.module]: { [at.track]: { [at.version]: yanked } } }
  return { ...channels, yanked: mergeYanks(channels.yanked, one) }
}

/** When (RFC 3339) and why a release was withdrawn; null: it was not. */
export function yankOf(
  yanks: Yanks,
  module: string,
  track: string,
  version: string
): { at: string; reason: string } | null {
  return own(own(own(yanks, module), track), version) ?? null
}

/** Everything in either; what was known first wins. Yanks only grow: a branch merges what it has with what it hears. */
export function mergeYanks(known: Yanks, heard: Yanks): Yanks {
  const merged: Yanks = structuredClone(known)
  for (const [module, tracks] of Object.entries(heard)) {
    const intoModule = own(merged, module) ?? {}
    merged[module] = intoModule
    for (const [track, versions] of Object.entries(tracks)) {
      intoModule[track] = { ...versions, ...own(intoModule, track) }
    }
  }
  return merged
}

/** What the signatures of a downgrade are for: `signAs(DOWNGRADE, downgradeBytes(statement), key)`. */
export const DOWNGRADE = 'allow-downgrade'

/** The message that the module's release keys sign for a downgrade. */
export function downgradeBytes(statement: DowngradeStatement): Uint8Array {
  return new TextEncoder().encode(canonicalize(downgradeStatement.parse(statement)))
}

/** `Object.hasOwn` look-up: names come from outside, and `constructor` is a possible one. */
function own<T>(record: Readonly<Record<string, T>> | undefined, key: string): T | undefined {
  return record !== undefined && Object.hasOwn(record, key) ? record[key] : undefined
}
