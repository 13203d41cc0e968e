// A node's links as status and the commands for them see them.
import type { LinkView } from '../src/member/link-states.ts'
import type { NodeApp } from './app.ts'

export function linkView(app: NodeApp): LinkView {
  return {
    config: app.config.links,
    policy: app.linkPolicy,
    pause: app.linkPause,
    links: app.links,
    gossip: app.gossip,
    isInternetOpen: (now) => app.linkPolicy.isInternetOpen(now) || app.fetcher.isCriticalWanted,
    now: () => app.now(),
    resumed: () => app.events.emit('changed')
  }
}
