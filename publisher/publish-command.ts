// `publisher publish`.
import { resolve } from 'node:path'
import type { Command } from 'commander'
import { act } from '../src/cli/program.ts'
import { ChasquiError } from '../src/errors.ts'
import { readNamedFile } from '../src/system/named-file.ts'
import { runWithKeys } from './cli.ts'
import { describePublishResult } from './describe.ts'

const NOTES_LIMIT = 64 * 1024 // bytes

export function addPublishCommand(group: Command): void {
  const command = group
    .command('publish')
    .description('releases a module folder, several, or every module in a folder')
    .argument('[dir...]', 'module folders')
    .option('--each <dir>', 'every module found in this folder, as one step')
    .option('--module <name>', 'name of the module; default: what its files say')
    .option('--version <version>', 'version; default: what its files say')
    .option('--track <track>', 'line of development (Odoo series, platform)')
    .option('--channel <name>', 'channel that gets it', 'stable')
    .option('--notes <text>', 'release notes (Markdown), or @file')
    .option('--severity <severity>', 'critical or normal', 'normal')
    .option('--kind <kind>', 'directory or overlay')
    .option(
      '--files <glob...>',
      'only these files (and the one that says the version), on top of the last release'
    )
    .option('--requires <module-range...>', 'module and range that must be there, "pos_base >=2.0"')
    .option('--after <version>', 'version that must have been installed first')
    .option('--deletes <path...>', 'overlay: paths to remove at the branch')
    .option('--steps <name...>', 'steps of the branch that run after the update')
    .option('--label <label...>', 'labels')
    .option('--compat-app <range>', 'versions of the app that it fits')
    .option('--platform <name...>', 'platforms that it fits')
    .option('--author <name>', 'who made it')
    .option('--allow-same-version', 'changed content under the last version becomes version+n')
    .option('--dry-run', 'make the packs, say what branches would download, release nothing')
    .option('--passphrase-file <file>', 'file with the passphrase of the keys (CHASQUI_PASSPHRASE_FILE)')
  act(command, async (line, options, dirs) => {
    const args = {
      ...publishOptions(options),
      dirs: dirs.map((dir) => resolve(dir)),
      ...(await notesOf(options))
    }
    const result = await runWithKeys<Parameters<typeof describePublishResult>[0]>(
      line,
      options,
      'publish',
      args
    )
    const text = describePublishResult(result)
    line.output.result(result, line.dryRun ? `${text}\ndry run: nothing was released` : text)
    return undefined
  })
}

function publishOptions(options: Record<string, unknown>): Record<string, unknown> {
  const { each, label, platform, ...rest } = options
  const kept = ['module', 'version', 'track', 'channel', 'severity', 'kind', 'files', 'requires', 'after']
  const more = ['deletes', 'steps', 'compatApp', 'author', 'allowSameVersion', 'dryRun']
  const same = Object.entries(rest).filter(([name]) => [...kept, ...more].includes(name))
  return {
    ...Object.fromEntries(same),
    ...(typeof each === 'string' && { each: resolve(each) }),
    ...(label !== undefined && { labels: label }),
    ...(platform !== undefined && { platforms: platform })
  }
}

async function notesOf({ notes }: Record<string, unknown>): Promise<{ notes?: string }> {
  if (typeof notes !== 'string') return {}
  if (!notes.startsWith('@')) return { notes }
  const bytes = await readNamedFile(resolve(notes.slice(1)), NOTES_LIMIT)
  if (bytes !== null) return { notes: Buffer.from(bytes).toString('utf8') }
  throw new ChasquiError('USAGE', `there is no file ${notes.slice(1)} with notes`, {
    hint: 'notes that begin with @ name a file'
  })
}
