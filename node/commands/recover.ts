// `recover`: tries once more to end what has failed to end, with the configuration as it is now; or takes the word of a person
// that it is settled.
import { z } from 'zod'
import { parseArguments } from '../../src/control/arguments.ts'
import type { Command } from '../../src/control/commands.ts'
import type { NodeApp } from '../app.ts'
import type { ApplyResult, PendingTransaction } from '../apply/types.ts'
import { announceReport } from '../report.ts'
import { appName, appsOf } from './args.ts'

const recoverArgs = z.strictObject({ app: appName, giveUp: z.boolean().default(false) })

export interface Recovered {
  /** what was ended now, or at the opening of the home */
  results: ApplyResult[]
  /** what still waits */
  pending: PendingTransaction[]
}

export const recover: Command<NodeApp> = async (app, args, context): Promise<Recovered> => {
  const { app: name, giveUp } = parseArguments(recoverArgs, args)
  const waiting = await app.engine.pending(name)
  // what waits may belong to an app that is no longer in the file
  if (waiting.length === 0) appsOf(app, name)
  await app.reloadConfig()
  const results = app.recovered.filter((one) => name === undefined || one.app === name)
  app.recovered = []
  const work = async () => {
    if (!giveUp) return app.engine.recover(context, { ...only(name), retry: 'now', apps: app.config.apps })
    return Promise.all(waiting.map((one) => app.engine.giveUp(one.app)))
  }
  results.push(...(await app.inTurn(work)))
  if (results.length > 0) await announceReport(app)
  app.events.emit('changed')
  const pending = await app.engine.pending(name)
  const open = new Set(pending.map((one) => one.transaction))
  return { results: results.filter((one) => giveUp || !open.has(one.transaction)), pending }
}

function only(app: string | undefined): { app?: string } {
  return app === undefined ? {} : { app }
}
