// `doctor`, `fsck`, `gc`, `reload`: is this node well, is everything that it keeps whole, what can go, read the configuration
// again.

import { z } from 'zod'
import { formatBytes } from '../../src/cli/output.ts'
import { parseArguments } from '../../src/control/arguments.ts'
import type { Command } from '../../src/control/commands.ts'
import { asChasquiError } from '../../src/errors.ts'
import { checkPackBytes } from '../../src/pack/layout.ts'
import { packPath } from '../../src/release/release.ts'
import { diskSpace } from '../../src/system/disk.ts'
import { formatTime } from '../../src/trust/bytes.ts'
import type { NodeApp } from '../app.ts'
import { collectPacks } from '../collect.ts'
import { lookAtPlace } from '../config/places.ts'

interface Finding {
  name: string
  ok: boolean
  message: string
  hint?: string
}

const LOW_DISK = 1024 ** 3 // bytes

export const doctor: Command<NodeApp> = async (app) => {
  const checks: Finding[] = [
    membership(app),
    await news(app),
    clock(app),
    conflict(app),
    peers(app),
    await disk(app, app.paths.root),
    ...(await appPlaces(app)),
    ...(await unended(app)),
    ...[...app.problems].map(([name, { code, message }]) => ({
      name,
      ok: false,
      message: `${code}: ${message}`
    }))
  ]
  return { ok: checks.every((one) => one.ok), checks }
}

function membership(app: NodeApp): Finding {
  try {
    const member = app.members.verify(app.identity.membership, app.now())
    const until = member.granted
      ? 'granted by the publisher'
      : `provisional until ${formatTime(member.expires)}`
    return { name: 'membership', ok: true, message: `${member.name}, ${until}` }
  } catch (error) {
    const { message, hint } = asChasquiError(error)
    return { name: 'membership', ok: false, message, ...(hint === undefined ? {} : { hint }) }
  }
}

async function news(app: NodeApp): Promise<Finding> {
  try {
    const view = await app.refresh()
    if (view === null) {
      const hint = 'start "chasqui node run" where a peer can be reached, or import a stick'
      return { name: 'news', ok: false, message: 'nothing of the feed is here yet', hint }
    }
    const { stale, signedAt } = view.trust.freshness
    const signed = signedAt === null ? 'at an unknown time' : formatTime(signedAt)
    if (!stale) return { name: 'news', ok: true, message: `signed ${signed}` }
    return {
      name: 'news',
      ok: false,
      message: `signed ${signed}, and run out`,
      hint: 'connect, or import a newer stick'
    }
  } catch (error) {
    const { code, message, hint } = asChasquiError(error)
    return {
      name: 'news',
      ok: false,
      message: `${code}: ${message}`,
      ...(hint === undefined ? {} : { hint })
    }
  }
}

function clock(app: NodeApp): Finding {
  const isBehind = app.trust.view?.trust.freshness.clockBehind ?? false
  return isBehind
    ? {
        name: 'clock',
        ok: false,
        message: 'behind what the publisher signed',
        hint: 'set the clock of this machine'
      }
    : { name: 'clock', ok: true, message: formatTime(app.now()) }
}

function conflict(app: NodeApp): Finding {
  const found = app.feed.conflict
  if (found === null) return { name: 'feed', ok: true, message: `${app.feed.length().db} blocks` }
  const message = `two histories of the feed were seen at length ${found.length}; what was here is kept`
  return {
    name: 'feed',
    ok: false,
    message,
    hint: 'tell the publisher: the feed key may be stolen, or an old backup was started'
  }
}

function peers(app: NodeApp): Finding {
  if (app.links === null) return { name: 'peers', ok: true, message: 'the daemon is not running' }
  const count = app.links.peers().length
  if (count > 0) return { name: 'peers', ok: true, message: `${count} connected` }
  return {
    name: 'peers',
    ok: false,
    message: 'nobody is connected',
    hint: 'check the network, or [links] peers'
  }
}

async function disk(app: NodeApp, path: string): Promise<Finding> {
  const space = await diskSpace(path)
  const name = path === app.paths.root ? 'disk' : `disk ${path}`
  if (space === null) return { name, ok: true, message: 'the file system does not say' }
  return {
    name,
    ok: space.free >= LOW_DISK,
    message: `${formatBytes(space.free)} free of ${formatBytes(space.total)}`
  }
}

/** Transactions that could not be ended. */
async function unended(app: NodeApp): Promise<Finding[]> {
  return (await app.engine.pending()).map(({ app: name, message, hold }) => ({
    name: `app ${name}`,
    ok: false,
    message,
    hint: `put that right, then: chasqui node recover --app ${name}${hold === null ? '' : `; kept down by ${hold}`}`
  }))
}

async function appPlaces(app: NodeApp): Promise<Finding[]> {
  const findings: Finding[] = []
  for (const config of Object.values(app.config.apps)) {
    const place = await lookAtPlace(config.path)
    const hint = place.ok ? {} : { hint: `correct apps.${config.name}.path` }
    findings.push({ name: `app ${config.name}`, ...place, ...hint })
  }
  return findings
}

/** Reads every pack that is here and every installed file again. */
export const fsck: Command<NodeApp> = async (app, _args, context) => {
  const packs = { checked: 0, bad: [] as { release: string; message: string }[] }
  const view = await app.refresh()
  const modules = new Set((await view?.trust.listReleases())?.map((one) => one.module) ?? [])
  const catalog = view === null ? null : await app.catalog(view, modules)
  for (const target of (await view?.trust.listReleases()) ?? []) {
    const release = catalog
      ?.releases(target.module, target.track)
      .find((one) => one.version === target.version)
    for (const pack of release?.packs ?? []) {
      const path = `/${packPath(pack.sha256)}`
      if (view === null || context.signal.aborted || !(await view.snapshot.has(path))) continue
      packs.checked++
      try {
        await checkPackBytes(await view.snapshot.source(path), pack)
      } catch (error) {
        packs.bad.push({
          release: `${target.module}@${target.version}`,
          message: asChasquiError(error).message
        })
      }
      context.emit({ event: 'checked', done: packs.checked })
    }
  }
  const apps = []
  for (const config of Object.values(app.config.apps)) {
    apps.push({ app: config.name, drift: await app.engine.drift(config) })
  }
  const refused = (catalog?.refused ?? []).map(({ code, message }) => ({ code, message }))
  return { ok: packs.bad.length + refused.length === 0, packs, refused, apps }
}

const gcArgs = z.strictObject({ dryRun: z.boolean().default(false) })

/** Gives back the room of packs that neither this node nor its neighbours need. */
export const gc: Command<NodeApp> = (app, args) => collectPacks(app, parseArguments(gcArgs, args))

export const reload: Command<NodeApp> = async (app) => {
  await app.reloadConfig()
  app.events.emit('changed')
  return { reloaded: true }
}
