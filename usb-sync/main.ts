// The `usb-sync` group: what a field tech types. Export, import and sync go to the home's own program, whatever its role;
// inspect and verify need no home.
import { resolve } from 'node:path'
import { Command, InvalidArgumentError } from 'commander'
import { formatBytes } from '../src/cli/output.ts'
import { act, type CommandLine, positiveInteger } from '../src/cli/program.ts'
import type { CommandContext } from '../src/control/commands.ts'
import { ChasquiError } from '../src/errors.ts'
import { parseSize } from '../src/fleet/units.ts'
import type { Rejected } from '../src/stick/feed-folder.ts'
import { givenPlace, isOwnDisk } from '../src/stick/given-place.ts'
import { inspectStick } from '../src/stick/inspect.ts'
import type { ExportResult, ImportResult, SyncResult } from '../src/stick/round-types.ts'
import { readFileLimited } from '../src/system/durable.ts'
import { type HomePaths, type Role, readHome } from '../src/system/home.ts'
import { realFileSystem } from '../src/system/real-file-system.ts'
import { parseInvite } from '../src/trust/invite.ts'
import {
  describeExport,
  describeImport,
  describeInstaller,
  describePlan,
  describeStick,
  describeSync
} from './describe.ts'

/** Runs a command on a home of one role, through its daemon or directly; bin/main.ts passes both programs' in. */
export type RunOnHome = (
  paths: HomePaths,
  name: string,
  args: unknown,
  context: CommandContext
) => Promise<unknown>

export function usbSyncCommands(programs: Readonly<Record<Role, RunOnHome>>): Command {
  const group = new Command('usb-sync').description('carries releases and reports on a USB stick')
  const run = async (line: CommandLine, name: string, args: { stick: string }) => {
    const { role } = await readHome(line.home)
    if (name !== 'stick.import' && (await isOwnDisk(realFileSystem, args.stick, line.home.root)))
      line.output.note(`nothing is mounted at ${args.stick}: that is a folder on this machine's disk`)
    return programs[role](line.home, name, args, contextOf(line, args))
  }
  act(
    withFilter(group.command('export').description('writes what the stick lacks').argument('<stick>')),
    async (line, options, [stick]) => {
      const result = (await run(line, 'stick.export', await exportArgs(stick, options))) as ExportResult
      const done = `${describeExport(result)}${describeInstaller(result)}`
      line.output.result(result, options.dryRun === true ? dryText(result) : done)
      return undefined
    }
  )
  act(
    group.command('import').description('takes in what the stick brings, verified').argument('<stick>'),
    async (line, _options, [stick]) => {
      const result = (await run(line, 'stick.import', { stick: await placeOf(stick) })) as ImportResult
      return finish(line, result, describeImport(result))
    }
  )
  act(
    withFilter(group.command('sync').description('both ways').argument('<stick>')),
    async (line, options, [stick]) => {
      const result = (await run(line, 'stick.sync', await exportArgs(stick, options))) as SyncResult
      return finish(line, result, options.dryRun === true ? dryText(result) : describeSync(result))
    }
  )
  look(group, 'inspect', 'shows what is on the stick, without a home', false)
  look(group, 'verify', 'checks every byte of the stick, without a home', true)
  return group
}

function look(group: Command, name: string, description: string, everyByte: boolean): void {
  act(group.command(name).description(description).argument('<stick>'), async (line, _options, [stick]) => {
    let done = 0
    const onBytes = (bytes: number) => {
      done += bytes
      line.output.progress(`${name}: ${formatBytes(done)}`)
    }
    const options = { everyByte, signal: line.signal, onBytes }
    const summary = await inspectStick(realFileSystem, await placeOf(stick), options)
    const rejected = [...summary.rejected, ...summary.feeds.flatMap((feed) => feed.rejected)]
    return finish(line, { ...summary, rejected }, describeStick(summary))
  })
}

function withFilter(command: Command): Command {
  return command
    .option('--modules <glob...>', 'only modules with these names')
    .option('--channel <name>', 'only what this channel points at')
    .option('--for <branch...>', 'only what these branches lack by their last reports')
    .option('--latest', 'only the newest release of each module, and what channels lead to')
    .option('--max-size <size>', 'what one stick may carry ("7 GB"); the rest goes on others', sizeOption)
    .option('--part <n>', 'which of the sticks this is', positiveInteger)
    .option('--apply-now <order...>', 'BRANCH:MODULE@VERSION applies at the next visit of this stick')
    .option('--with-installer <archive...>', 'the program itself, for a new site')
    .option('--invite <file>', 'a PIN-protected invite to put beside the installer')
    .option('--dry-run', 'say what would be written')
}

function dryText({ plan }: Pick<ExportResult, 'plan'>): string {
  return `${describePlan(plan)}\ndry run: nothing was written`
}

function placeOf(stick: string | undefined): Promise<string> {
  return givenPlace(realFileSystem, stick ?? '')
}

function sizeOption(text: string): number {
  const size = parseSize(text)
  if (size === undefined || size <= 0) throw new InvalidArgumentError('expected a size such as "7 GB"')
  return size
}

async function exportArgs(
  stick: string | undefined,
  options: Record<string, unknown>
): Promise<{ stick: string } & Record<string, unknown>> {
  return {
    stick: await placeOf(stick),
    modules: options.modules ?? [],
    channel: options.channel ?? null,
    branches: options.for ?? [],
    latest: options.latest === true,
    maxSize: options.maxSize ?? null,
    part: options.part ?? 1,
    orders: ((options.applyNow ?? []) as string[]).map(parseOrder),
    installer: await installerArgs(options),
    dryRun: options.dryRun === true
  }
}

function parseOrder(text: string): { branch: string; module: string; version: string } {
  const match = /^(.+):([^:@]+)@([^:@]+)$/.exec(text)
  const [, branch, module, version] = match ?? []
  if (branch === undefined || module === undefined || version === undefined) {
    throw new ChasquiError('USAGE', `${text} is no order`, { hint: 'write it as BRANCH:MODULE@VERSION' })
  }
  return { branch, module, version }
}

async function installerArgs(options: Record<string, unknown>) {
  const archives = ((options.withInstaller ?? []) as string[]).map((path) => resolve(path))
  if (archives.length === 0 && options.invite !== undefined) {
    throw new ChasquiError('USAGE', '--invite goes with --with-installer', {
      hint: 'name the archive of the program too; an invite for a machine that has it needs no stick'
    })
  }
  if (archives.length === 0) return null
  const invite = typeof options.invite === 'string' ? await readInvite(resolve(options.invite)) : null
  return { archives, invite }
}

async function readInvite(path: string): Promise<string> {
  const bytes = await readFileLimited(realFileSystem, path, 64 * 1024)
  if (bytes === null) throw new ChasquiError('INVITE_NOT_FOUND', `there is no invite at ${path}`)
  const text = Buffer.from(bytes).toString('utf8').trim()
  requirePin(text)
  return text
}

/** A stick may be lost: an invite on it must not open without its PIN. */
function requirePin(invite: string): void {
  try {
    parseInvite(invite)
  } catch (error) {
    if (error instanceof ChasquiError && error.code === 'INVITE_PIN_NEEDED') return
    throw error
  }
  throw new ChasquiError('STICK_INSTALLER', 'an invite on a stick must be protected by a PIN', {
    hint: 'make one with "publisher invite NAME --pin-file FILE --out FILE"'
  })
}

function contextOf(line: CommandLine, args: unknown): CommandContext {
  const isDry = (args as { dryRun?: boolean }).dryRun === true
  return {
    signal: line.signal,
    emit(event) {
      // a dry run's result is the plan; that nothing is to be written the result says
      if (event.event === 'stick-plan' && !isDry && event.total !== 0)
        line.output.note(describePlan(event as never))
      if (event.event === 'waiting') line.output.note('waiting: this computer is at work on a stick')
      if (event.event === 'progress' && typeof event.done === 'number') {
        const total = typeof event.total === 'number' ? ` of ${formatBytes(event.total)}` : ''
        line.output.progress(`${event.step}: ${formatBytes(event.done)}${total}`)
      }
    }
  }
}

/** What was refused makes the command fail, although the rest came in. */
function finish(
  line: CommandLine,
  result: { rejected: readonly Rejected[] },
  text: string
): number | undefined {
  const first = result.rejected[0]
  if (first === undefined) {
    line.output.result(result, text)
    return undefined
  }
  const parts = result.rejected.length === 1 ? 'one part' : `${result.rejected.length} parts`
  const error = new ChasquiError(
    first.code,
    `${parts} of the stick cannot be used: ${first.file}: ${first.message}`,
    { hint: 'what is sound can still be imported; "usb-sync export" at the publisher repairs the stick' }
  )
  const { code, message, hint } = error
  line.output.result({ ...result, error: { code, message, hint } }, text)
  return line.output.complain(error)
}
