// Commands as data: one table per program, run by its daemon when there is one and directly on the home when there is
// none. Both ways run the very same function.
import type { HomePaths } from '../system/home.ts'
import { callDaemon, daemonAnswers } from './client.ts'
import { withHome } from './home.ts'

/** Something that happened while a command runs: progress, a finding. Plain JSON. */
export interface ControlEvent {
  event: string
  [field: string]: unknown
}

export interface CommandContext {
  emit(event: ControlEvent): void
  signal: AbortSignal
}

/** Takes JSON arguments (it validates them itself), gives a JSON result, throws ChasquiError. */
export type Command<App> = (app: App, args: unknown, context: CommandContext) => Promise<unknown>

export type CommandTable<App> = Readonly<Record<string, Command<App>>>

export interface HomeCommand<App extends { close(): Promise<void> }> {
  paths: HomePaths
  name: string
  args: unknown
  context: CommandContext
  /** Loads what runs a command here; asked for only when no daemon has the home. */
  load(): Promise<LocalCommands<App>>
}

export interface LocalCommands<App> {
  commands: CommandTable<App>
  /** Opens the home; called with the lock held. */
  open(): Promise<App>
}

/**
 * Runs a command where the home is: through its daemon's socket, else by opening it here under its lock.
 * Throws what the command throws, and HOME_LOCKED.
 */
export async function runOnHome<App extends { close(): Promise<void> }>(
  request: HomeCommand<App>
): Promise<unknown> {
  if (await daemonAnswers(request.paths.control)) {
    return callDaemon(request.paths.control, request.name, request.args, request.context)
  }
  const { commands, open } = await request.load()
  return withHome(request.paths, open, (app) =>
    findCommand(commands, request.name)(app, request.args, request.context)
  )
}

export function findCommand<App>(commands: CommandTable<App>, name: string): Command<App> {
  const command = Object.hasOwn(commands, name) ? commands[name] : undefined
  if (command === undefined) throw new TypeError(`no command ${name}`)
  return command
}
