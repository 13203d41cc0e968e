// `links show`, `pause` and `resume`, of nodes and publishers: an operator keeps releases off all links for a while, during a
// sale on a thin line say. What is critical passes, and so do reports and news.
import { z } from 'zod'
import { parseArguments } from '../control/arguments.ts'
import type { CommandTable } from '../control/commands.ts'
import { type LinkView, linkStates } from './link-states.ts'

const pauseArgs = z.strictObject({
  /** milliseconds; absent: until `resume` */
  for: z
    .int()
    .positive()
    .max(Number.MAX_SAFE_INTEGER / 2)
    .optional()
})

export function linkCommands<App>(viewOf: (app: App) => LinkView): CommandTable<App> {
  return {
    'links.show': async (app) => linkStates(viewOf(app)),
    async 'links.pause'(app, args) {
      const view = viewOf(app)
      const duration = parseArguments(pauseArgs, args).for
      const since = view.now()
      await view.pause.begin({ since, until: duration === undefined ? null : since + duration })
      return linkStates(view)
    },
    async 'links.resume'(app) {
      const view = viewOf(app)
      await view.pause.end()
      view.resumed()
      return linkStates(view)
    }
  }
}
