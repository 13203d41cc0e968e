// Moves what the online role says: channels, rollouts, withdrawals. It chooses among signed releases; going down needs the
// module's release key besides.
import { z } from 'zod'
import { parseArguments } from '../src/control/arguments.ts'
import { ChasquiError } from '../src/errors.ts'
import {
  CHANNELS_PATH,
  type Channels,
  DOWNGRADE,
  type Downgrade,
  type DowngradeStatement,
  downgradeBytes,
  encodeChannels,
  type Pointer,
  pointerOf,
  type Rollout,
  withPointer,
  withYank,
  yankOf
} from '../src/fleet/channels.ts'
import { percentageAt } from '../src/fleet/rollout.ts'
import { type Beginning, changeRollout, earlierVersion } from '../src/fleet/rollout-change.ts'
import type { Release } from '../src/release/release.ts'
import { compareVersions } from '../src/release/version.ts'
import { nearest } from '../src/system/nearest.ts'
import { CHANNELS_ROLE, setOnlineTargets } from '../src/trust/author.ts'
import { formatTime, signedMessage, toHex } from '../src/trust/bytes.ts'
import { currentOf } from '../src/trust/current.ts'
import type { PublisherApp } from './app.ts'
import { findRelease, parseReleaseName, releasesOf } from './catalog.ts'
import { commit } from './commit.ts'
import type { FleetView } from './fleet-keeper.ts'
import { type InviteEntry, listInvites } from './members.ts'
import { openSigners } from './signing.ts'

const channelName = z
  .string()
  .regex(/^[a-z0-9][a-z0-9_.-]{0,49}$/, 'expected small letters and digits, such as "stable"')
const percentage = z.number().min(0).max(100)
const haltAfter = z.object({ failures: z.int().min(1), percentage })

const rolloutArgs = {
  rollout: percentage.optional(),
  groups: z.array(z.string().min(1)).optional(),
  branches: z.array(z.string().min(1)).optional(),
  phases: z.array(z.object({ percentage, soak: z.number().min(0) })).optional(),
  haltAfter: haltAfter.optional()
}
const promoteArgs = z.strictObject({
  release: z.string(),
  channel: channelName,
  allowDowngrade: z.boolean().default(false),
  dryRun: z.boolean().default(false),
  passphrase: z.string().optional(),
  ...rolloutArgs
})
const rolloutCommand = z.strictObject({
  module: z.string(),
  track: z.string().optional(),
  channel: channelName.default('stable'),
  action: z.union([percentage, z.enum(['pause', 'resume', 'halt'])]).optional(),
  dryRun: z.boolean().default(false)
})
const yankArgs = z.strictObject({
  release: z.string(),
  reason: z.string().min(1).max(2000),
  dryRun: z.boolean().default(false)
})

interface Place {
  channel: string
  module: string
  track: string
}

export interface Moved extends Place {
  version: string
  rollout: Rollout | null
  /** percentage of those whom the rollout is for that it reaches now */
  reaches?: number
}

function moved(at: Place, { version, rollout }: Pointer, now: number): Moved {
  if (rollout === undefined) return { ...at, version, rollout: null }
  return { ...at, version, rollout, reaches: percentageAt(rollout, now) }
}

/** `promote`: a channel points at a release from now on. */
export async function promote(app: PublisherApp, raw: unknown): Promise<Moved> {
  const args = parseArguments(promoteArgs, raw)
  const view = await app.fleet.view()
  const release = await findRelease(view, parseReleaseName(args.release))
  const { module, track, version } = release
  refuseYanked(view, release)
  refuseUnknown(await listInvites(app), args)
  const at = { channel: args.channel, module, track }
  const before = pointerOf(view.channels, args.channel, module, track)
  const isDown = before !== null && compareVersions(release.order, version, before.version) < 0
  if (isDown && !args.allowDowngrade) throw downgradeError(release, before.version, args.channel)
  const isYanked = (one: string) => yankOf(view.channels.yanked, module, track, one) !== null
  const pointer = { version, ...rolloutOf(args, before, { release, isYanked, now: app.now() }) }
  if (args.dryRun) return moved(at, pointer, app.now())
  const pointed = withPointer(view.channels, at, pointer)
  const statement = args.allowDowngrade ? await leaveToGoDown(app, view, at, release) : null
  const channels =
    statement === null ? pointed : await withDowngrade(app, pointed, statement, args.passphrase)
  await saveChannels(app, view, channels)
  return moved(at, pointer, app.now())
}

function refuseYanked(view: FleetView, { module, track, version }: Release): void {
  const yank = yankOf(view.channels.yanked, module, track, version)
  if (yank === null) return
  throw new ChasquiError('RELEASE_YANKED', `${module}@${version} was withdrawn: ${yank.reason}`, {
    hint: 'publish a new version'
  })
}

/** A name that nobody has would reach nobody, in silence. */
function refuseUnknown(invites: readonly InviteEntry[], { groups = [], branches = [] }: RolloutArgs): void {
  const known = {
    group: new Set(invites.flatMap((invite) => invite.groups)),
    branch: new Set(invites.flatMap(({ name, id }) => [name, id]))
  }
  for (const [kind, names] of [['group', groups] as const, ['branch', branches] as const]) {
    const unknown = names.find((name) => !known[kind].has(name))
    if (unknown === undefined) continue
    const near = nearest(unknown, [...known[kind]])
    throw new ChasquiError('BRANCH_NOT_FOUND', `nobody was invited as ${kind} "${unknown}"`, {
      hint: near === null ? 'see "publisher branches"' : `did you mean "${near}"?`
    })
  }
}

function downgradeError({ module, version }: Release, from: string, channel: string): ChasquiError {
  return new ChasquiError(
    'DOWNGRADE_REFUSED',
    `${channel} points at ${module}@${from}, which is above ${version}`,
    {
      hint: 'add --allow-downgrade: branches go down only with a statement that the release key signs'
    }
  )
}

type RolloutArgs = { [K in keyof typeof rolloutArgs]?: z.infer<(typeof rolloutArgs)[K]> }

/** No rollout options: everybody at once. */
function rolloutOf(args: RolloutArgs, before: Pointer | null, beginning: Beginning): { rollout?: Rollout } {
  const { groups, branches, phases } = args
  const isStaged = [args.rollout, groups, branches, phases, args.haltAfter].some((each) => each !== undefined)
  if (!isStaged) return {}
  return {
    rollout: {
      round: 0,
      status: 'active',
      started: formatTime(beginning.now),
      from: earlierVersion(before, beginning),
      ...(args.rollout !== undefined && { percentage: args.rollout }),
      ...(groups !== undefined && { groups }),
      ...(branches !== undefined && { branches }),
      ...(phases !== undefined && { phases }),
      ...(args.haltAfter !== undefined && { haltAfter: args.haltAfter })
    }
  }
}

/**
 * What is to be signed for branches that have a later release, also where the channel itself does not go down: the statement
 * of an earlier time says nothing about what came after it. Null when there is no later one.
 */
async function leaveToGoDown(
  app: PublisherApp,
  view: FleetView,
  at: Place,
  { order, version }: Release
): Promise<DowngradeStatement | null> {
  const releases = await releasesOf(view, at.module, at.track)
  if (!releases.some((one) => compareVersions(order, one.version, version) > 0)) return null
  // it counts for what was released before it, also by a machine whose clock is fast
  const created = Math.max(app.now(), ...releases.map((one) => Date.parse(one.created)))
  return { fleet: app.fleet.id, ...at, version, created: formatTime(created) }
}

/** FORMAT 11.2: the release keys of the home sign that branches may go down to this version. */
async function withDowngrade(
  app: PublisherApp,
  channels: Channels,
  statement: DowngradeStatement,
  passphrase: string | undefined
): Promise<Channels> {
  const signers = await openSigners(app, ['release'], passphrase)
  const message = signedMessage(DOWNGRADE, downgradeBytes(statement))
  const signatures = signers.map((signer) => ({ keyid: signer.keyid, sig: toHex(signer.sign(message)) }))
  const downgrade: Downgrade = { statement, signatures }
  return { ...channels, downgrades: [...channels.downgrades, downgrade] }
}

/** `rollout`: shows or changes the rollout of what a channel points at. */
export async function rollout(app: PublisherApp, raw: unknown): Promise<Moved> {
  const args = parseArguments(rolloutCommand, raw)
  const view = await app.fleet.view()
  const tracks = Object.keys(view.channels.channels[args.channel]?.[args.module] ?? {})
  const track = args.track ?? tracks[0]
  const pointer = track === undefined ? null : pointerOf(view.channels, args.channel, args.module, track)
  if (pointer === null || track === undefined || (tracks.length > 1 && args.track === undefined)) {
    const why = tracks.length > 1 ? `${args.module} has the tracks ${tracks.join(', ')}` : 'nothing is there'
    throw new ChasquiError('RELEASE_NOT_FOUND', `${args.channel} of ${args.module}: ${why}`, {
      hint: tracks.length > 1 ? 'name one with --track' : 'promote a release first'
    })
  }
  const at = { channel: args.channel, module: args.module, track }
  if (args.action === undefined) return moved(at, pointer, app.now())
  const changed = { ...pointer, rollout: changeRollout(pointer.rollout, args.action, app.now()) }
  if (!args.dryRun) await saveChannels(app, view, withPointer(view.channels, at, changed))
  return moved(at, changed, app.now())
}

/** `yank`: withdraws a release; branches never forget it. */
export async function yank(app: PublisherApp, raw: unknown): Promise<Moved & { yanked: string }> {
  const args = parseArguments(yankArgs, raw)
  const view = await app.fleet.view()
  const { module, track, version } = await findRelease(view, parseReleaseName(args.release))
  const reason = args.reason
  const channels = withYank(view.channels, { module, track, version }, { at: formatTime(app.now()), reason })
  if (!args.dryRun) await saveChannels(app, view, channels)
  const channel = Object.keys(channels.channels).find(
    (name) => pointerOf(channels, name, module, track)?.version === version
  )
  return { channel: channel ?? '', module, track, version, rollout: null, yanked: reason }
}

/** Signs channels.json with the online key and appends it. */
export async function saveChannels(app: PublisherApp, view: FleetView, channels: Channels): Promise<void> {
  const bytes = encodeChannels(channels)
  const signers = await openSigners(app, ['online'], undefined)
  const current = await currentOf(view.trust, [CHANNELS_ROLE])
  const publication = setOnlineTargets(current, new Map([[CHANNELS_PATH, bytes]]), signers, app.now())
  await commit(app, publication, [{ path: `/${CHANNELS_PATH}`, bytes }])
}
