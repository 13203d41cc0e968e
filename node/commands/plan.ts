// `plan`, `check`, `status`, `peers`: what there is and what would happen. They change nothing.
import { z } from 'zod'
import { parseArguments } from '../../src/control/arguments.ts'
import type { Command } from '../../src/control/commands.ts'
import type { PlannedTransaction } from '../../src/fleet/plan-input.ts'
import type { NodeApp } from '../app.ts'
import { packBytes } from '../apply-plan.ts'
import { hasWays, noPeer, visitPeers } from '../ask-peers.ts'
import type { NodePlan } from '../planner.ts'
import { nodeStatus } from '../status.ts'
import { appName, appsOf } from './args.ts'

/** Transactions as `plan` prints them. */
export async function describeTransactions(plan: NodePlan, transactions: readonly PlannedTransaction[]) {
  return Promise.all(
    transactions.map(async (transaction) => {
      const bytes = await packBytes(plan, transaction)
      const { app, window, blocked } = transaction
      const releases = transaction.releases.map(({ module, track, from, to, severity, release }, i) => ({
        module,
        track,
        from,
        to,
        bytes: bytes[i] ?? null,
        severity,
        notes: release?.notes ?? null
      }))
      return { app, releases, window, blocked }
    })
  )
}

const planArgs = z.strictObject({ app: appName })

export const plan: Command<NodeApp> = async (app, args) => {
  const { app: name } = parseArguments(planArgs, args)
  appsOf(app, name)
  const found = await app.plan('automatic', name)
  if (found === null) return { transactions: [] }
  return { transactions: await describeTransactions(found, found.transactions) }
}

/**
 * Looks for news now: at what peers have, for which links are opened for a moment when no daemon runs. "Nothing new" is
 * said by somebody: when nobody could be met on the ways that are configured, it throws NO_PEER.
 */
export const check: Command<NodeApp> = async (app, _args, context) => {
  const peers =
    app.links === null ? await visitPeers(app, context, async (met) => met) : app.links.peers().length
  if (peers === 0 && hasWays(app)) throw noPeer()
  await app.feed.advance()
  const found = await app.plan('automatic')
  app.events.emit('changed')
  const status = await nodeStatus(app)
  const transactions = found === null ? [] : await describeTransactions(found, found.transactions)
  const updates = transactions.flatMap((one) =>
    one.releases.map(({ module, track, from, to, bytes }) => ({
      app: one.app,
      module,
      track,
      from,
      to,
      bytes,
      blocked: one.blocked
    }))
  )
  return { feed: status.feed, peers, updates }
}

export const status: Command<NodeApp> = (app) => nodeStatus(app)

export const peers: Command<NodeApp> = async (app) => {
  const { peers: connected, links } = await nodeStatus(app)
  return { running: app.links !== null, peers: connected, links }
}
