// The commands that change applications, or tell of changes: `apply`, `rollback`, `history`, `remove`, `recover`, `adopt`.
import type { Command } from 'commander'
import { act, type CommandLine, positiveInteger } from '../src/cli/program.ts'
import { ask, canPrompt } from '../src/cli/prompt.ts'
import { ChasquiError, ERROR_CODES, type ErrorCode, EXIT } from '../src/errors.ts'
import { appArg, appOption, call } from './cli.ts'
import * as describe from './describe-apply.ts'

export function applyCommand(group: Command): void {
  const command = appOption(group.command('apply').description('applies updates').argument('[module...]'))
  command
    .option('--now', 'also outside the window')
    .option('--force', 'also what failed here before')
    .option('--dry-run', 'only say what would happen')
  act(command, async (line, options, modules) => {
    const args = { modules, now: options.now === true, force: options.force === true, dryRun: line.dryRun }
    const result = (await call(line, 'apply', { ...args, ...appArg(options) })) as describe.Applied
    line.output.result(result, describe.applied(result))
    return exitOf(result)
  })
}

export function rollbackCommand(group: Command): void {
  const command = appOption(group.command('rollback').description('goes back to a backup'))
  command
    .option('--to <backup>', 'which one; default: the newest')
    .option('--with-database', 'the database too: what was entered since is set aside')
    .option('--dry-run', 'only say what would happen')
  act(command, async (line, options) => {
    const withDatabase = options.withDatabase === true
    if (withDatabase && !line.dryRun) await confirmDatabase(line)
    const args = {
      withDatabase,
      dryRun: line.dryRun,
      ...(options.to === undefined ? {} : { to: options.to }),
      ...appArg(options)
    }
    const result = (await call(line, 'rollback', args)) as describe.Applied
    line.output.result(result, describe.applied(result))
    return exitOf(result)
  })
}

/** A restore of the database is confirmed by typing it, or with --yes. Throws USAGE. */
async function confirmDatabase(line: CommandLine): Promise<void> {
  if (line.yes) return
  const question =
    'the database goes back too; what was entered since is set aside. Type "database" to go on: '
  const answer = canPrompt() ? await ask(question, line.signal) : ''
  if (answer.trim() === 'database') return
  throw new ChasquiError('USAGE', 'the restore of the database was not confirmed', {
    hint: 'type "database" when asked, or add --yes'
  })
}

export function historyCommand(group: Command): void {
  const command = appOption(group.command('history').description('what was applied, when and why'))
  command.option('--limit <n>', 'at most so many, newest first', positiveInteger)
  act(command, async (line, options) => {
    const limit = options.limit === undefined ? {} : { limit: options.limit }
    const result = (await call(line, 'history', { ...limit, ...appArg(options) })) as never
    line.output.result(result, describe.history(result))
    return undefined
  })
}

export function removeCommand(group: Command): void {
  const command = appOption(group.command('remove').description('takes a module away').argument('<module>'))
  command.option('--dry-run', 'only say what would happen')
  act(command, async (line, options, [module]) => {
    const result = (await call(line, 'remove', {
      module,
      dryRun: line.dryRun,
      ...appArg(options)
    })) as describe.Applied
    line.output.result(result, describe.applied(result))
    return exitOf(result)
  })
}

export function recoverCommand(group: Command): void {
  const text = 'tries again to end what could not be ended'
  const command = appOption(group.command('recover').description(text))
  command.option('--give-up', 'record that a person has settled it; nothing is changed')
  act(command, async (line, options) => {
    const args = { giveUp: options.giveUp === true, ...appArg(options) }
    const result = (await call(line, 'recover', args)) as describe.Recovered
    line.output.result(result, describe.recovered(result))
    return Math.max(EXIT.done, ...result.pending.map(exitOf))
  })
}

export function adoptCommand(group: Command): void {
  const command = appOption(group.command('adopt').description('takes over what is already installed'))
  command.option('--dry-run', 'only say what was found')
  act(command, async (line, options) => {
    const result = (await call(line, 'adopt', { dryRun: line.dryRun, ...appArg(options) })) as never
    line.output.result(result, describe.adopted(result))
    return undefined
  })
}
const RESULT_EXIT: Record<string, number> = {
  committed: EXIT.done,
  'rolled-back': EXIT.rolledBack,
  unfinished: EXIT.unexpected,
  'rollback-failed': EXIT.rollbackFailed
}

/** A refusal ends as its code does anywhere: docs/ERRORS.md. */
function exitOf({ result, error }: { result: string; error?: { code: string } }): number {
  if (result !== 'refused') return RESULT_EXIT[result] ?? EXIT.done
  return ERROR_CODES.get(error?.code as ErrorCode)?.exit ?? EXIT.preflight
}
