// A short visit to the network for a command when no daemon runs: links up, what the first peers know comes in, links down.
import type { CommandContext } from '../src/control/commands.ts'
import { ChasquiError } from '../src/errors.ts'
import type { NodeApp } from './app.ts'
import { startLinks } from './daemon-links.ts'

const FIRST_PEER = 8_000 // milliseconds until somebody has answered
const QUIET = 1_000 // milliseconds without news that end the visit
const LONGEST = 30_000 // milliseconds

/** Is there any way on which somebody could be met? */
export function hasWays(app: NodeApp): boolean {
  const { lan, internet, peers } = app.config.links
  return lan.enabled || internet.enabled || peers.length + app.identity.access.peers.length > 0
}

/**
 * `work` while links are up, once no news come in any more; it hears how many members were met. At once when there is no
 * way to anybody. Throws what `work` throws, ADDRESS_IN_USE.
 */
export async function visitPeers<T>(
  app: NodeApp,
  context: CommandContext,
  work: (met: number) => Promise<T>
): Promise<T> {
  if (!hasWays(app)) return work(0)
  let noteNews = () => {}
  let stopListening = app.feed.onUpdate(() => noteNews())
  let met = 0
  const start = () =>
    startLinks(app, {}, () => {
      met++
      noteNews()
    })
  let links = await start()
  let isOver = false
  app.aroundMove = async (move) => {
    stopListening()
    await links.stop()
    await move()
    if (isOver) return
    stopListening = app.feed.onUpdate(() => noteNews())
    links = await start()
    noteNews()
  }
  try {
    await untilQuiet(context.signal, (note) => {
      noteNews = note
    })
    await app.feed.advance()
    return await work(met)
  } finally {
    isOver = true
    app.aroundMove = (move) => move()
    stopListening()
    app.links = null
    await links.stop()
  }
}

/** Nobody has answered in time, or nothing was noted for a while. */
function untilQuiet(signal: AbortSignal, onNote: (note: () => void) => void): Promise<void> {
  return new Promise((resolve) => {
    let timer = setTimeout(resolve, FIRST_PEER)
    setTimeout(resolve, LONGEST).unref()
    signal.addEventListener('abort', () => resolve(), { once: true })
    onNote(() => {
      clearTimeout(timer)
      timer = setTimeout(resolve, QUIET)
    })
  })
}

export function noPeer(): ChasquiError {
  return new ChasquiError('NO_PEER', 'no member of the fleet could be reached', {
    hint: 'see "chasqui node doctor"; "chasqui node plan" goes by what is known here, and a stick brings news too'
  })
}
