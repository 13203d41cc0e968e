// `publisher keys backup`, `keys restore` and `recover`: every key of a home as one file, and a fleet that goes on from it
// on a new machine.
import { randomBytes } from 'node:crypto'
import { resolve } from 'node:path'
import type { Command } from 'commander'
import { formatBytes } from '../src/cli/output.ts'
import { act, type CommandLine } from '../src/cli/program.ts'
import { canPrompt } from '../src/cli/prompt.ts'
import { ChasquiError } from '../src/errors.ts'
import { lockHome } from '../src/system/home.ts'
import { silentLog } from '../src/system/log.ts'
import { readNamedFile } from '../src/system/named-file.ts'
import { realFileSystem } from '../src/system/real-file-system.ts'
import { readSecretFile } from '../src/system/secret-file.ts'
import { LIMITS } from '../src/trust/limits.ts'
import { run, runWithKeys } from './cli.ts'
import { describeRotatedFeed } from './describe-ceremony.ts'
import { type BackedUp, restoreKeys } from './keys/backup.ts'
import type { KeyLine } from './keys/list.ts'
import { recoverFromPeer } from './keys/recover.ts'
import type { EndedRecovery } from './keys/recover-end.ts'
import { forgetNewer } from './restored.ts'
import {
  chosenPassphrase,
  givenPassphrase,
  PASSPHRASE,
  promptNewPassphrase,
  writeNewSecret
} from './secrets.ts'

const random = (bytes: number) => new Uint8Array(randomBytes(bytes))

export function addBackupCommands(keys: Command): void {
  const backup = keys
    .command('backup')
    .description('writes every key of this home into one encrypted file')
    .argument('<file>')
    .option('--backup-passphrase-file <file>', 'passphrase of the backup; default: that of the keys')
    .option(...PASSPHRASE)
  act(backup, async (line, options, [file]) => {
    const backupPassphrase = await backupSecret(options, line)
    const made = await runWithKeys<BackedUp>(line, options, 'keys.backup', { backupPassphrase })
    await writeNewSecret(String(file), new Uint8Array(Buffer.from(made.backup, 'base64')))
    const { fleet, keys: kept, absent } = made
    if (absent.length > 0) {
      line.output.note(`keys that are not in this home are not in the backup: ${absent.join(', ')}`)
    }
    line.output.result(
      { file: resolve(String(file)), fleet, keys: kept, absent },
      `${kept.length} keys are in ${file}`
    )
    return undefined
  })
  const restore = withRestoreOptions(
    keys.command('restore').description("makes a publisher's home of a key backup").argument('<file>')
  )
  act(restore, async (line, options, [file]) => {
    const made = await restoreFrom(String(file), options, line)
    line.output.result(made, `fleet ${made.name}: ${made.keys.length} keys are in ${line.home.root}`)
    line.output.note(
      'the feed is empty until it comes back: "publisher recover", a branch online, or a stick'
    )
    return undefined
  })
}

function withRestoreOptions(command: Command): Command {
  return command
    .option('--backup-passphrase-file <file>', 'passphrase of the backup; default: that of the keys')
    .option(...PASSPHRASE)
    .option('--no-passphrase', 'write the keys without protection')
    .option('--forget-newer', 'go on from an older feed: what was signed last is lost everywhere')
}

async function restoreFrom(file: string, options: Record<string, unknown>, line: CommandLine) {
  const bytes = await readNamedFile(resolve(file), LIMITS.keyBackupBytes)
  if (bytes === null) {
    throw new ChasquiError('USAGE', `there is no file ${file}`, { hint: 'name the key backup' })
  }
  return restoreKeys({
    paths: line.home,
    backup: bytes,
    backupPassphrase: await backupSecret(options, line),
    passphrase: await chosenPassphrase(options, line),
    forgetNewer: options.forgetNewer === true,
    random
  })
}

export function addRecoverCommand(group: Command): void {
  const command = withRestoreOptions(
    group
      .command('recover')
      .description('goes on with a fleet on a new machine: key backup and a stick with its feed')
      .argument('[backup]', 'key backup; not needed when the keys are restored already')
      .requiredOption('--from <stick|peer>', 'folder of a stick, or host:port of a branch')
  )
  act(command, async (line, options, [backup]) => {
    const isNew = (await realFileSystem.stat(line.home.identity)) === null
    if (isNew && backup === undefined) {
      throw new ChasquiError('USAGE', 'there is no home here yet, and no key backup was named', {
        hint: 'name the backup: publisher recover BACKUP --from STICK'
      })
    }
    const restored = isNew && backup !== undefined ? await restoreFrom(backup, options, line) : null
    const { forgetNewer } = options
    if (!isNew && forgetNewer === true) await forgetNewerOf(line)
    const imported = await bringBack(line, String(options.from))
    const end = await runWithKeys<EndedRecovery>(line, options, 'recover.end', { forgetNewer })
    const { keys } = await run<{ keys: KeyLine[] }>(line, 'keys.list', {})
    const result = {
      restored,
      imported,
      ...end,
      keys: keys.map(({ id, role, signs }) => ({ id, role, signs }))
    }
    line.output.result(result, describeRecovered(line, end))
    return undefined
  })
}

function describeRecovered(line: CommandLine, { feed, blocked }: EndedRecovery): string {
  if (feed !== null) return describeRotatedFeed(feed)
  if (!blocked) return `the fleet goes on in ${line.home.root}`
  return 'the fleet is back, but nothing can be published yet: bring root and run "publisher keys rotate feed"'
}

async function forgetNewerOf(line: CommandLine): Promise<void> {
  const lock = await lockHome(line.home)
  try {
    await forgetNewer(line.home)
  } finally {
    await lock.release()
  }
}

/** An existing folder is a stick; anything else must be an address. */
async function bringBack(line: CommandLine, from: string): Promise<unknown> {
  const folder = await realFileSystem.stat(resolve(from))
  if (folder?.kind === 'directory') return run(line, 'stick.import', { stick: resolve(from) })
  if (!/:\d+$/.test(from))
    throw new ChasquiError('NOT_A_DIRECTORY', `${from} is neither a folder nor host:port`, {
      hint: 'name the folder of the stick, or the address of a branch as 10.8.0.12:49800'
    })
  const onProgress = (done: number, total: number) =>
    line.output.progress(`${formatBytes(done)} of ${formatBytes(total)}`)
  return recoverFromPeer({ paths: line.home, peer: from, log: silentLog, signal: line.signal, onProgress })
}

async function backupSecret(options: Record<string, unknown>, line: CommandLine): Promise<string> {
  const { backupPassphraseFile } = options
  if (typeof backupPassphraseFile === 'string') return readSecretFile(backupPassphraseFile)
  const given = await givenPassphrase(options)
  if (given !== undefined) return given
  if (canPrompt()) return promptNewPassphrase(line.signal)
  throw new ChasquiError('PASSPHRASE_NEEDED', 'a key backup is always protected with a passphrase', {
    hint: 'name its file with --backup-passphrase-file'
  })
}
