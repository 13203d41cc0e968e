// `publish`: from folders to signed releases in the feed, as one step for readers. The order is: read and refuse, make the
// packs, then sign, then append; until the append nothing has happened that anybody could see.
import type { CommandContext } from '../../src/control/commands.ts'
import { ChasquiError } from '../../src/errors.ts'
import type { LocalFile } from '../../src/feed/publish-blocks.ts'
import {
  CHANNELS_PATH,
  type Channels,
  encodeChannels,
  pointerOf,
  withPointer,
  yankOf
} from '../../src/fleet/channels.ts'
import { packPath, type Release, releasePath } from '../../src/release/release.ts'
import { compareVersions } from '../../src/release/version.ts'
import { freeSpace } from '../../src/system/disk.ts'
import { removeTree } from '../../src/system/durable.ts'
import {
  CHANNELS_ROLE,
  draftReleases,
  moduleRole,
  type RoleSetup,
  rolesToLoad,
  targetEntry
} from '../../src/trust/author.ts'
import { fromHex } from '../../src/trust/bytes.ts'
import { currentOf } from '../../src/trust/current.ts'
import type { PublisherApp } from '../app.ts'
import { saveChannels } from '../channels.ts'
import { commit } from '../commit.ts'
import type { FleetView } from '../fleet-keeper.ts'
import { type Left, leaveRequest, type Waiting } from '../keys/leave-request.ts'
import { openSigners } from '../signing.ts'
import { type PublishArgs, parsePublishArgs } from './arguments.ts'
import { type BuildContext, type BuiltRelease, buildRelease, isNew } from './build.ts'
import { type Candidate, findFolders, readCandidates } from './candidates.ts'
import { summary } from './result.ts'

/** The packs are written twice on the way (journal, feed), and the store needs some room to work. */
const SPACE_FACTOR = 3
const SPACE_FIXED = 16 * 1024 * 1024 // bytes

export async function publish(app: PublisherApp, raw: unknown, context: CommandContext): Promise<unknown> {
  const started = performance.now()
  const args = parsePublishArgs(raw)
  const view = await app.fleet.view()
  const folders = await findFolders(app, args)
  const candidates = await readCandidates(app, view, folders, args, context.signal)
  try {
    const built = await buildAll(app, view, candidates, args, context)
    const moved = toMove(view, candidates, args)
    context.signal.throwIfAborted() // what is signed from here on is published
    const waiting = args.dryRun ? null : await release(app, view, [...built.values()], moved, args)
    const ms = Math.round(performance.now() - started)
    return { ...summary(args, candidates, built, moved, ms), ...waiting }
  } finally {
    for (const candidate of candidates) await candidate.close()
    await removeTree(app.fs, app.paths.staging)
  }
}

async function buildAll(
  app: PublisherApp,
  view: FleetView,
  candidates: readonly Candidate[],
  args: PublishArgs,
  { emit, signal }: CommandContext
): Promise<Map<Candidate, BuiltRelease>> {
  const built = new Map<Candidate, BuiltRelease>()
  const modules = await knownModules(view, candidates)
  for (const candidate of candidates.filter(isNew)) {
    const { module } = candidate.identity
    const onProgress = (done: number, total: number) =>
      emit({ event: 'progress', step: 'pack', module, done, total })
    const context: BuildContext = { app, view, args, modules, signal, onProgress }
    built.set(candidate, await buildRelease(context, candidate))
  }
  return built
}

async function knownModules(view: FleetView, candidates: readonly Candidate[]): Promise<Set<string>> {
  const delegated = [...(view.trust.set.targets?.delegations?.byName.keys() ?? [])]
  const released = delegated.flatMap((role) => (role.startsWith('m.') ? [role.slice(2)] : []))
  return new Set([...released, ...candidates.map(({ identity }) => identity.module)])
}

/** Signs and appends; or, when a threshold needs more people, leaves a request. Throws PASSPHRASE_*, SIGNATURES_MISSING, DISK_FULL, FEED_BEHIND. */
async function release(
  app: PublisherApp,
  view: FleetView,
  built: readonly BuiltRelease[],
  moved: readonly Release[],
  args: PublishArgs
): Promise<Waiting | null> {
  const pointed = moved.reduce((all, one) => point(all, one, args.channel), view.channels)
  if (built.length === 0) {
    if (moved.length > 0) await saveChannels(app, view, pointed)
    return null
  }
  const modules = built.map(({ release: { module } }) => module)
  const roles = built.flatMap(({ release }) => rolesFor(view, release))
  const isNewModule = roles.some((role) => !view.trust.set.targets?.delegations?.byName.has(role))
  const signers = await openSigners(
    app,
    isNewModule ? ['targets', 'release', 'online'] : ['release', 'online'],
    args.passphrase
  )
  const channels = built.reduce((all, { release }) => point(all, release, args.channel), pointed)
  const channelBytes = encodeChannels(channels)
  const current = await currentOf(view.trust, [...new Set([...rolesToLoad(modules), ...roles])])
  const draft = draftReleases(
    current,
    built.map(({ release: { module, track, version }, bytes }) => ({ module, track, version, bytes })),
    { newModules: await releaseKeys(app, view) },
    app.now()
  )
  draft.sign(signers)
  await refuseFullDisk(app, built)
  if (draft.missing().length > 0) return leaveRequest(app, draft, waitingFiles(built, args))
  draft.setTarget(CHANNELS_ROLE, CHANNELS_PATH, targetEntry(channelBytes))
  const files = [...built.flatMap(feedFiles), { path: `/${CHANNELS_PATH}`, bytes: channelBytes }]
  await commit(app, draft.finish(signers), files)
  return null
}

/**
 * Folders that were named and hold what is published already: the channel gets that release all the same, unless it
 * points at it or above it.
 */
function toMove(view: FleetView, candidates: readonly Candidate[], args: PublishArgs): Release[] {
  if (args.each !== undefined) return []
  return candidates.flatMap(({ next }) => {
    if (next.outcome !== 'unchanged') return []
    const { module, track, version, order } = next.release
    const now = pointerOf(view.channels, args.channel, module, track)
    const isAbove = now === null || compareVersions(order, version, now.version) > 0
    return isAbove && yankOf(view.channels.yanked, module, track, version) === null ? [next.release] : []
  })
}

/** What waits in the home until everybody has signed. */
function waitingFiles(built: readonly BuiltRelease[], { channel }: PublishArgs): Left {
  const releases = built.map(({ release: { module, track, version } }) => ({ module, track, version }))
  const shown = built.map(
    ({ release: { module, track, version }, bytes }) => [releasePath(module, track, version), bytes] as const
  )
  return { channel, releases, shown: new Map(shown), put: built.flatMap(feedFiles) }
}

/** The role that answers for a release now: its own, or a team's pattern. */
function rolesFor({ trust }: FleetView, { module, track, version }: Release): string[] {
  const found = trust.set.targets?.delegations?.index.rolesFor(releasePath(module, track, version))[0]
  return [found?.name ?? moduleRole(module)]
}

function point(channels: Channels, { module, track, version }: Release, channel: string): Channels {
  return withPointer(channels, { channel, module, track }, { version })
}

/** A new module is signed by the fleet's release keys, as many of them as targets needs. */
async function releaseKeys(app: PublisherApp, { trust }: FleetView): Promise<RoleSetup> {
  const files = (await app.keys.list()).filter(({ role }) => role === 'release')
  const keys = files.map((file) => fromHex(file.public, 32) as Uint8Array)
  const threshold = trust.set.root.signed.roles.targets?.threshold ?? 1
  return { keys, threshold: Math.min(threshold, keys.length) }
}

function feedFiles({ release, bytes, packs }: BuiltRelease): LocalFile[] {
  return [
    ...packs.map(({ sha256, file }) => ({ path: `/${packPath(sha256)}`, file })),
    { path: `/${releasePath(release.module, release.track, release.version)}`, bytes }
  ]
}

async function refuseFullDisk(app: PublisherApp, built: readonly BuiltRelease[]): Promise<void> {
  const bytes = built.flatMap(({ release }) => release.packs).reduce((sum, pack) => sum + pack.bytes, 0)
  const needed = bytes * SPACE_FACTOR + SPACE_FIXED
  const free = await freeSpace(app.paths.root)
  if (free === null || free >= needed) return
  throw new ChasquiError('DISK_FULL', `the publish needs ${needed} bytes of free space, there are ${free}`, {
    hint: 'free some space, or move the home to a larger disk'
  })
}
