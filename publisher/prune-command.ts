// `publisher prune`.
import type { Command } from 'commander'
import { formatBytes } from '../src/cli/output.ts'
import { act, positiveInteger } from '../src/cli/program.ts'
import { runWithKeys } from './cli.ts'
import type { Pruned } from './prune.ts'

export function addPruneCommand(group: Command): void {
  const command = group
    .command('prune')
    .description('gives up old releases that no channel, branch or chain of packs needs')
    .option('--module <name>', 'only this module')
    .option('--keep <n>', 'newest releases of each module that stay', positiveInteger, 3)
    .option('--dry-run', 'say what would go')
    .option('--passphrase-file <file>', 'file with the passphrase of the keys (CHASQUI_PASSPHRASE_FILE)')
  act(command, async (line, { module, keep, dryRun, ...options }) => {
    const pruned = await runWithKeys<Pruned>(line, options, 'prune', { module, keep, dryRun })
    const names = pruned.removed.map((one) => `${one.module}@${one.version} (${formatBytes(one.bytes)})`)
    line.output.result(
      pruned,
      names.length === 0 ? 'nothing to give up' : `${names.join('\n')}\n${pruned.kept} stay`
    )
    return undefined
  })
}
