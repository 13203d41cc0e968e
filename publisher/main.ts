// The `publisher` group: what an integrator types. Reads flags and secrets; everything else happens in the commands, in
// the daemon when there is one.
import { Command } from 'commander'
import { linksCommands } from '../src/cli/links-command.ts'
import { act, type CommandLine } from '../src/cli/program.ts'
import { addRecoverCommand } from './backup-command.ts'
import { run, runWithKeys } from './cli.ts'
import { describeDiff, describeReleases } from './describe.ts'
import { addInitCommand } from './init-command.ts'
import { addInviteCommand } from './invite-command.ts'
import { addKeyCommands } from './keys-command.ts'
import { addMemberCommands } from './member-commands.ts'
import { parseHaltAfter, parsePercentage, parsePhase } from './parse.ts'
import { addPruneCommand } from './prune-command.ts'
import { addPublishCommand } from './publish-command.ts'
import type { ReleaseDiff, ReleaseLine } from './queries.ts'
import { addRunCommand } from './run-command.ts'
import { addSignCommand } from './sign-command.ts'

/** The `publisher` group of the command line. */
export function publisherCommands(): Command {
  const group = new Command('publisher').description('makes releases and watches over the branches')
  addInitCommand(group)
  addPublishCommand(group)
  addQueryCommands(group)
  addChannelCommands(group)
  addInviteCommand(group)
  addMemberCommands(group)
  addPruneCommand(group)
  addKeyCommands(group)
  addSignCommand(group)
  addRecoverCommand(group)
  addRunCommand(group)
  linksCommands(group, run)
  return group
}

function addQueryCommands(group: Command): void {
  act(
    group.command('releases').description('what is published').argument('[module]'),
    async (line, _options, [module]) => {
      const lines = await run<ReleaseLine[]>(line, 'releases', module === undefined ? {} : { module })
      line.output.result(lines, describeReleases(lines))
      return undefined
    }
  )
  act(
    group.command('show').description('one release').argument('<release>'),
    async (line, _options, [release]) => {
      const shown = await run(line, 'show', { release })
      line.output.result(shown, JSON.stringify(shown, null, 2))
      return undefined
    }
  )
  act(
    group
      .command('diff')
      .description('what changed between two releases')
      .argument('<from>')
      .argument('<to>'),
    async (line, _options, [from, to]) => {
      const diff = await run<ReleaseDiff>(line, 'diff', { from, to })
      line.output.result(diff, describeDiff(diff))
      return undefined
    }
  )
}

interface MovedLine {
  channel: string
  module: string
  version: string
  rollout: { status: string; branches?: string[] } | null
  reaches?: number
}

function describeMoved({ channel, module, version, rollout, reaches }: MovedLine): string {
  const isNamed = rollout?.branches !== undefined && reaches === 0
  const share = isNamed ? 'as named' : `reaches ${reaches} % now`
  const reach = rollout === null ? 'everybody' : `${rollout.status}, ${share}`
  return `${channel}: ${module}@${version} (${reach})`
}

function withDryRun({ dryRun }: CommandLine, text: string): string {
  return dryRun ? `${text}\ndry run: nothing was changed` : text
}

function addChannelCommands(group: Command): void {
  const promote = group
    .command('promote')
    .description('moves a channel to a release')
    .argument('<release>', 'MODULE@VERSION')
    .requiredOption('--to <channel>', 'the channel')
    .option('--allow-downgrade', 'also to a lower version, signed by the release key')
    .option('--rollout <percent>', 'part of the branches, 0 to 100', parsePercentage)
    .option('--groups <group...>', 'only these groups')
    .option('--branches <branch...>', 'these branches, whatever the percentage')
    .option('--phase <percent:hours...>', 'percentages that follow one another, each after its hours')
    .option('--halt-after <n/percent>', 'branches stop by themselves at so many failures', parseHaltAfter)
    .option('--dry-run', 'only say what would be moved')
    .option('--passphrase-file <file>', 'file with the passphrase of the keys (CHASQUI_PASSPHRASE_FILE)')
  act(promote, async (line, options, [release]) => {
    const { to, allowDowngrade, rollout, groups, branches, phase, haltAfter } = options
    const phases = Array.isArray(phase) ? phase.map((text) => parsePhase(String(text))) : undefined
    const reach = { rollout, groups, branches, phases, haltAfter }
    const args = { release, channel: to, allowDowngrade, dryRun: line.dryRun, ...reach }
    const moved = await runWithKeys<MovedLine>(line, options, 'promote', args)
    line.output.result(moved, withDryRun(line, describeMoved(moved)))
    return undefined
  })
  const rollout = group
    .command('rollout')
    .description('shows or changes a staged rollout')
    .argument('<module>')
    .argument('[action]', 'a percentage, pause, resume or halt')
    .option('--channel <name>', 'the channel', 'stable')
    .option('--track <track>', 'the track, when there are several')
    .option('--dry-run', 'only say how it would be')
  act(rollout, async (line, { channel, track }, [module, action]) => {
    const change = action === undefined ? {} : { action: /^[\d.]+$/.test(action) ? Number(action) : action }
    const args = { module, channel, track, dryRun: line.dryRun, ...change }
    const moved = await run<MovedLine>(line, 'rollout', args)
    line.output.result(moved, withDryRun(line, describeMoved(moved)))
    return undefined
  })
  const yank = group
    .command('yank')
    .description('withdraws a release')
    .argument('<release>', 'MODULE@VERSION')
    .requiredOption('--reason <text>', 'why')
    .option('--dry-run', 'only look whether it could be')
  act(yank, async (line, { reason }, [release]) => {
    const moved = await run<MovedLine>(line, 'yank', { release, reason, dryRun: line.dryRun })
    const done = line.dryRun ? 'would be withdrawn' : 'is withdrawn'
    line.output.result(moved, withDryRun(line, `${moved.module}@${moved.version} ${done}`))
    return undefined
  })
}
