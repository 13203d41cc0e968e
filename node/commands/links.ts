// `links pause` and `links resume`: an operator keeps releases off all links for a while, a sale on a thin line say. What is
// critical passes, and so do reports and news.
import { z } from 'zod'
import type { Command } from '../../src/control/commands.ts'
import type { NodeApp } from '../app.ts'
import { linkStates } from '../link-states.ts'
import { parseArgs } from './args.ts'

const pauseArgs = z.strictObject({
  /** milliseconds; absent: until `resume` */
  for: z
    .int()
    .positive()
    .max(Number.MAX_SAFE_INTEGER / 2)
    .optional()
})

export const pauseLinks: Command<NodeApp> = async (app, args) => {
  const { for: duration } = parseArgs(pauseArgs, args)
  const since = app.now()
  await app.linkPause.begin({ since, until: duration === undefined ? null : since + duration })
  return linkStates(app)
}

export const resumeLinks: Command<NodeApp> = async (app) => {
  await app.linkPause.end()
  app.events.emit('changed')
  return linkStates(app)
}

export const showLinks: Command<NodeApp> = async (app) => linkStates(app)
