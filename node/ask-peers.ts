// A short visit to the network for a command when no daemon runs: links up, what the first peers know comes in, links down.
import type { CommandContext } from '../src/control/commands.ts'
import type { NodeApp } from './app.ts'
import { startLinks } from './daemon-links.ts'

const FIRST_PEER = 8_000 // milliseconds until somebody has answered
const QUIET = 1_000 // milliseconds without news that end the visit
const LONGEST = 30_000 // milliseconds

/** How many members were met; returns when nothing new comes in any more, at once when no link is configured. */
export async function askPeers(app: NodeApp, context: CommandContext): Promise<number> {
  const { lan, internet, peers } = app.config.links
  if (!lan.enabled && !internet.enabled && peers.length + app.identity.access.peers.length === 0) return 0
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
    await new Promise<void>((resolve) => {
      let timer = setTimeout(resolve, FIRST_PEER)
      setTimeout(resolve, LONGEST).unref()
      context.signal.addEventListener('abort', () => resolve(), { once: true })
      noteNews = () => {
        clearTimeout(timer)
        timer = setTimeout(resolve, QUIET)
      }
    })
  } finally {
    isOver = true
    app.aroundMove = (move) => move()
    stopListening()
    app.links = null
    await links.stop()
  }
  return met
}
