// The publisher's home as the stick sees it.
import { grantsIn } from '../src/feed/grant-files.ts'
import type { StickHome } from '../src/stick/home.ts'
import { selectReleases } from '../src/stick/select.ts'
import { stickFeed } from '../src/stick/stick-feed.ts'
import { stickRecords } from '../src/stick/stick-records.ts'
import { readRootChain } from '../src/system/trust-store.ts'
import { sha256Hex } from '../src/trust/bytes.ts'
import type { PublisherApp } from './app.ts'
import { grantNewMembers } from './grants.ts'
import { isSpentRequest } from './keys/received.ts'
import { outgoingRequests, takeRequestLetter } from './keys/request-letters.ts'
import { unheardBranches } from './members.ts'
import { keyframeNeeds } from './stick-needs.ts'
import { isSpentOrder, signOrder } from './stick-orders.ts'
import { oneChange } from './turns.ts'

export function publisherStickHome(app: PublisherApp): StickHome {
  const records = stickRecords(app.records.set, (bytes) => app.records.offer(bytes, 'stick'))
  return {
    role: 'publisher',
    fleet: app.fleet.id,
    node: app.member.node,
    name: app.identity.name,
    language: app.config.sticks.language,
    get feed() {
      return stickFeed(app.feed)
    },
    keys: {
      async list() {
        const { snapshot, trust } = await app.fleet.view()
        const { generation } = trust.fleet.feed
        return { generation, grants: generation === 1 ? [] : await grantsIn(snapshot) }
      },
      // the publisher is where they come from
      take: async () => false
    },
    roots: {
      async list() {
        await app.fleet.view()
        return readRootChain(app.paths.trust)
      },
      // the publisher is where roots come from; one that is behind catches up with its feed
      offer: async () => 0
    },
    records: {
      async list() {
        await app.records.open()
        return records.list()
      },
      offer: (bytes) => records.offer(bytes),
      async said() {
        await app.records.open()
        return records.said?.() ?? ''
      }
    },
    // requests and answers that are new, or signed by more; one that is over is to leave the stick
    async news() {
      const letters = await outgoingRequests(app)
      return JSON.stringify(letters.map(({ name, bytes }) => [name, sha256Hex(bytes)]))
    },
    async select(filter, options) {
      await app.records.open()
      const { snapshot, trust, channels } = await app.fleet.view()
      const reports = app.records.set.list('report')
      const needsKeyframe = filter?.branches.length ? await keyframeNeeds(app) : () => false
      const invited = filter?.branches.length ? await unheardBranches(app) : []
      const source = { snapshot, trust, channels, reports, invited, needsKeyframe }
      return selectReleases(source, filter, options)
    },
    letters: {
      outgoing: () => outgoingRequests(app),
      take: (letter) => takeRequestLetter(app, letter),
      isSpent: async (letter) => isSpentOrder(app, letter) || isSpentRequest(app, letter)
    },
    order: (request, visit) => signOrder(app, request, visit),
    async afterImport() {
      await app.feed.advance()
      await oneChange(app, () => grantNewMembers(app)).catch((error: unknown) =>
        app.log.warn({ err: error }, 'new members were not granted')
      )
      return []
    }
  }
}
