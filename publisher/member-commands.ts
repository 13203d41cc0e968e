// The commands about who belongs to the fleet: `branches`, `fleet`, `revoke`, `readmit`, `grant`.
import type { Command } from 'commander'
import { act } from '../src/cli/program.ts'
import { ChasquiError } from '../src/errors.ts'
import { run, runWithKeys } from './cli.ts'
import { describeBranches, describeFleet } from './describe.ts'
import { describeRotatedFeed } from './describe-ceremony.ts'
import type { FleetOverview } from './fleet.ts'
import type { Granted } from './grants.ts'
import type { RotatedFeed } from './keys/rotate-feed.ts'
import type { BranchLine } from './members.ts'
import { parseTime } from './parse.ts'
import type { RevokedBranch } from './revoke.ts'

export function addMemberCommands(group: Command): void {
  act(group.command('branches').description('who was invited, and who joined'), async (line) => {
    const lines = await run<BranchLine[]>(line, 'branches', {})
    line.output.result(lines, describeBranches(lines))
    return undefined
  })
  act(group.command('fleet').description('what every branch runs'), async (line) => {
    const fleet = await run<FleetOverview>(line, 'fleet', {})
    line.output.result(fleet, describeFleet(fleet))
    return undefined
  })
  addRevokeCommand(group)
  addReadmitCommand(group)
  addGrantCommand(group)
}

function addRevokeCommand(group: Command): void {
  const command = group
    .command('revoke')
    .description('takes a branch out of the fleet, or one node that cloned an invite')
    .argument('<branch>', 'name or id')
    .option('--all', 'every invite of that name')
    .option('--rekey', 'start another feed that only the others can read')
    .option('--dry-run', 'only say who would be out')
    .option('--passphrase-file <file>', 'file with the passphrase of the keys (CHASQUI_PASSPHRASE_FILE)')
  act(command, async (line, options, [branch]) => {
    const { dryRun } = line
    const revoked = await run<RevokedBranch>(line, 'revoke', { branch, all: options.all === true, dryRun })
    const text = `${revoked.name} ${dryRun ? 'would be' : 'is'} out (${revoked.nodes.length} nodes)`
    const rekey =
      options.rekey === true && !dryRun
        ? await runWithKeys<RotatedFeed>(line, options, 'keys.rotate-feed', {})
        : null
    if (rekey === null) line.output.result(revoked, text)
    else line.output.result({ ...revoked, rekey }, `${text}\n${describeRotatedFeed(rekey)}`)
    return undefined
  })
}

/** After a theft of the online key: what the thief revoked is taken off the list, before that key is replaced. */
function addReadmitCommand(group: Command): void {
  const command = group
    .command('readmit')
    .description('takes branches off the list of those who were revoked; "keys rotate online" makes it count')
    .argument('[branch...]', 'names or ids')
    .option('--since <time>', 'everybody who was revoked from this time on (2026-01-31T12:00:00Z)', parseTime)
  act(command, async (line, { since }, branches) => {
    if (since === undefined && branches.length === 0) {
      throw new ChasquiError('USAGE', 'nobody was named', { hint: 'name branches, or a time with --since' })
    }
    const back = await run<{ invites: string[]; nodes: string[] }>(line, 'readmit', { branches, since })
    const text = `${back.invites.length} invites and ${back.nodes.length} nodes are off the list`
    line.output.result(back, text)
    line.output.note('branches follow with the next online key: run "publisher keys rotate online" now')
    return undefined
  })
}

/** The daemon does it by itself for every branch that it hears of before the invite ends. */
function addGrantCommand(group: Command): void {
  const command = group
    .command('grant')
    .description('countersigns the node of a branch by hand')
    .argument('<branch>', 'name or id')
    .option('--replace', 'also when another node has the invite, which is out then')
  act(command, async (line, options, [branch]) => {
    const replace = options.replace === true
    const granted = await run<Granted[]>(line, 'grant', { branch, replace })
    const text = granted.map(({ name, node }) => `${name}: ${node}`).join('\n')
    line.output.result(granted, text === '' ? 'it has a grant already' : text)
    return undefined
  })
}
