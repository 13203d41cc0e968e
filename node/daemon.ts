// The daemon of a node: opens the home, serves the control socket, keeps the links up, does what the schedule says. Ends
// when asked to, with everything closed.
import type { ControlEvent } from '../src/control/commands.ts'
import { untilStopped, withHome } from '../src/control/home.ts'
import { type ControlServer, serveControl } from '../src/control/server.ts'
import { formatHostPort } from '../src/net/address.ts'
import type { Peer } from '../src/net/peer.ts'
import { realStickTools } from '../src/stick/commands.ts'
import { mountSource } from '../src/stick/mounts.ts'
import { type StickWatcher, watchSticks } from '../src/stick/watcher.ts'
import type { HomePaths } from '../src/system/home.ts'
import { realFileSystem } from '../src/system/real-file-system.ts'
import { toHex } from '../src/trust/bytes.ts'
import type { NodeApp, NodeTools } from './app.ts'
import { nodeCommandTable } from './commands/table.ts'
import { type LinkFlags, startLinks } from './daemon-links.ts'
import { openNode } from './open.ts'
import { Schedule } from './schedule.ts'

export interface DaemonRequest {
  paths: HomePaths
  tools: NodeTools
  flags: LinkFlags
  emit(event: ControlEvent): void
  /** aborts to stop */
  signal: AbortSignal
}

/** Runs until `signal` aborts. Throws HOME_*, CONFIG_*, ADDRESS_IN_USE. */
export async function runDaemon(request: DaemonRequest): Promise<void> {
  const { paths, tools, emit } = request
  const work = async (app: NodeApp) => {
    try {
      for (const result of app.recovered) emit({ event: 'recovered', ...result })
      await serve(app, request)
    } finally {
      emit({ event: 'stopping' })
    }
  }
  await withHome(paths, () => openNode(paths, tools), work)
}

async function serve(app: NodeApp, { flags, emit, signal }: DaemonRequest): Promise<void> {
  const schedule = new Schedule(app, emit)
  let control: ControlServer | null = null
  let stopListening = app.feed.onUpdate(() => schedule.wake())
  app.events.on('imported', () => schedule.wake())
  app.events.on('changed', () => schedule.wake())
  let sticks: StickWatcher | null = null
  let links: Awaited<ReturnType<typeof startLinks>> | null = null
  await app.presence.start()
  try {
    control = await serveControl(app.paths.control, app, nodeCommandTable)
    const onPeer = (peer: Peer) => {
      emit({ event: 'peer', node: peer.node, name: peer.member.name, class: peer.link.class })
      peer.onClose(() => emit({ event: 'peer-gone', node: peer.node, name: peer.member.name }))
      schedule.wake()
    }
    links = await startLinks(app, flags, onPeer)
    app.aroundMove = async (move) => {
      const at = links?.links.listening() ?? null
      stopListening()
      await links?.stop()
      await move().finally(async () => {
        if (signal.aborted) return
        stopListening = app.feed.onUpdate(() => schedule.wake())
        links = await startLinks(app, at === null ? flags : { ...flags, listen: formatHostPort(at) }, onPeer)
      })
      emit({ event: 'feed', feed: toHex(app.feed.key), generation: app.identity.access.generation })
    }
    if (app.config.sticks.watch) sticks = watchSticks(stickWatch(app, emit))
    app.sticks = () => sticks?.sticks() ?? []
    const listening = links.links.listening()
    emit({
      event: 'ready',
      node: app.identity.node,
      name: app.name,
      listening
    })
    schedule.wake()
    await untilStopped(signal)
  } finally {
    app.aroundMove = (move) => move()
    stopListening()
    await sticks?.stop()
    await schedule.stop()
    await app.presence.stop()
    await app.inTurn(async () => undefined) // a move on its way ends
    app.links = null
    await links?.stop()
    await control?.close()
  }
}

function stickWatch(app: NodeApp, emit: DaemonRequest['emit']) {
  const mounts = mountSource(realFileSystem, process.platform, app.config.sticks.roots)
  return { home: app.stick, mounts, tools: realStickTools, log: app.log, emit }
}
