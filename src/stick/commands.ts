// Stick work as control commands, the same for a publisher and a node: `stick.export`, `stick.import`, `stick.sync`.
// A home does one of them at a time.
import { randomBytes } from 'node:crypto'
import { z } from 'zod'
import { parseArguments } from '../control/arguments.ts'
import type { Command, CommandContext, CommandTable } from '../control/commands.ts'
import { freeSpace } from '../system/disk.ts'
import { lockOnMachine } from '../system/machine-lock.ts'
import { realFileSystem } from '../system/real-file-system.ts'
import type { StickFilter, StickHome } from './home.ts'
import { exportStick, importStick, syncStick } from './round.ts'
import type { ExportRequest, StickTools } from './round-types.ts'
import { inTurn } from './turn.ts'

const names = z.array(z.string().min(1).max(200)).max(1000).default([])

const exportArgs = z.strictObject({
  /** where the stick is mounted; absolute */
  stick: z.string().min(1),
  modules: names,
  channel: z.string().min(1).max(100).nullable().default(null),
  branches: names,
  latest: z.boolean().default(false),
  /** bytes */
  maxSize: z.int().positive().nullable().default(null),
  part: z.int().min(1).max(1000).default(1),
  orders: z
    .array(
      z.strictObject({
        branch: z.string().max(300),
        module: z.string().max(200),
        version: z.string().max(200)
      })
    )
    .max(100)
    .default([]),
  installer: z
    .strictObject({
      archives: z.array(z.string().min(1)).max(20),
      invite: z
        .string()
        .max(64 * 1024)
        .nullable()
    })
    .nullable()
    .default(null),
  dryRun: z.boolean().default(false)
})
const importArgs = z.strictObject({ stick: z.string().min(1) })

/** The real machine. */
export const realStickTools: StickTools = {
  fs: realFileSystem,
  now: () => Date.now(),
  randomId: () => randomBytes(16).toString('hex'),
  freeSpace,
  lock: lockOnMachine
}

/** The commands for an app that has a StickHome. */
export function stickCommands<App>(
  homeOf: (app: App) => StickHome,
  tools: StickTools = realStickTools
): CommandTable<App> {
  const command =
    (work: (home: StickHome, args: unknown, context: CommandContext) => Promise<unknown>): Command<App> =>
    (app, args, context) => {
      const home = homeOf(app)
      const onWait = () => context.emit({ event: 'waiting' })
      return inTurn(home, context.signal, () => work(home, args, context), onWait)
    }
  return {
    'stick.export': command((home, args, context) =>
      exportStick(home, exportRequest(args, home.role === 'node'), tools, context)
    ),
    'stick.import': command((home, args, context) =>
      importStick(home, parseArguments(importArgs, args).stick, tools, context)
    ),
    'stick.sync': command((home, args, context) => syncStick(home, exportRequest(args, true), tools, context))
  }
}

/** An export that head office types without a filter is a choice too: everything. */
function exportRequest(args: unknown, keepWish: boolean): ExportRequest {
  const { modules, channel, branches, latest, ...rest } = parseArguments(exportArgs, args)
  const filter = { modules, channel, branches, latest }
  return { ...rest, keepWish, asFits: false, filter: isEverything(filter) ? null : filter }
}

function isEverything(filter: StickFilter): boolean {
  return filter.modules.length + filter.branches.length === 0 && filter.channel === null && !filter.latest
}
