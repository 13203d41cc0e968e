// `publisher keys list`, `new`, `rotate`, `signers` and `delegate`: who may sign what, as an operator types it.
import { randomBytes } from 'node:crypto'
import { resolve } from 'node:path'
import type { Command } from 'commander'
import { formatTable } from '../src/cli/output.ts'
import { act, positiveInteger } from '../src/cli/program.ts'
import { ChasquiError } from '../src/errors.ts'
import { formatTime, fromHex } from '../src/trust/bytes.ts'
import { createKey, encodeKeyFiles } from '../src/trust/fleet-keys.ts'
import { Passphrase } from '../src/trust/key-file.ts'
import { keyId } from '../src/trust/keys.ts'
import { addBackupCommands } from './backup-command.ts'
import { run, runWithKeys } from './cli.ts'
import { describeRotatedFeed, describeWaiting } from './describe-ceremony.ts'
import type { Waiting } from './keys/leave-request.ts'
import type { KeyList, RoleLine } from './keys/list.ts'
import type { RotatedKey } from './keys/rotate.ts'
import type { RotatedFeed } from './keys/rotate-feed.ts'
import type { EndedDelegation } from './keys/signers.ts'
import { parseLabel } from './parse.ts'
import { chosenPassphrase, PASSPHRASE, writeNewSecret } from './secrets.ts'

const random = (bytes: number) => new Uint8Array(randomBytes(bytes))

export function addKeyCommands(group: Command): void {
  const keys = group.command('keys').description('who may sign what')
  addListCommand(keys)
  addNewCommand(keys)
  addRotateCommand(keys)
  addSignersCommand(keys)
  addBackupCommands(keys)
  addDelegateCommand(group)
}

function addListCommand(keys: Command): void {
  act(keys.command('list').description('keys of this home and of the fleet'), async (line) => {
    const found = await run<KeyList>(line, 'keys.list', {})
    const rows = found.keys.map((key) => [
      key.id.slice(0, 16),
      key.role ?? '(not here)',
      key.protected === null ? '' : key.protected ? 'passphrase' : 'open',
      key.signs.join(' '),
      key.label ?? ''
    ])
    const table = formatTable([['key', 'role', 'protection', 'signs', 'label'], ...rows])
    line.output.result(found, `${table}\nfleet ${found.fleet}`)
    return undefined
  })
}

/** A key for a person who signs on a machine of their own; no home is needed. */
function addNewCommand(keys: Command): void {
  const command = keys
    .command('new')
    .description('makes a release key for another signer or team, as a file')
    .argument('<file>', 'where to write it')
    .option('--label <text>', 'whose it is', parseLabel)
    .option(...PASSPHRASE)
    .option('--no-passphrase', 'write it without protection')
  act(command, async (line, options, [file]) => {
    const passphrase = await chosenPassphrase(options, line)
    const key = createKey('release', random, typeof options.label === 'string' ? options.label : undefined)
    const sealed = passphrase === null ? null : new Passphrase(passphrase)
    // a release key is protected by its role: encodeKeyFiles seals it when there is a passphrase
    const [bytes] = encodeKeyFiles([key], formatTime(Date.now()), sealed, random)
    await writeNewSecret(String(file), bytes as Uint8Array)
    const id = keyId(fromHex(key.public, 32) as Uint8Array)
    line.output.result({ file: resolve(String(file)), public: key.public, id }, `public key ${key.public}`)
    return undefined
  })
}

function addRotateCommand(keys: Command): void {
  const command = keys
    .command('rotate')
    .description('replaces a key that was lost or stolen')
    .argument('<role>', 'root, targets, release, online, enrolment, sealing or feed')
    .option('--key <key>', 'which one, when there are several: key id or public key')
    .option('--stolen', 'enrolment: what the former key signed no longer counts')
    .option('--forget-newer', 'feed: leave behind what was signed later than what is here')
    .option(...PASSPHRASE)
  act(command, async (line, options, [role]) => {
    if (role === 'feed') {
      const moved = await runWithKeys<RotatedFeed>(line, options, 'keys.rotate-feed', {
        forgetNewer: options.forgetNewer
      })
      line.output.result(moved, describeRotatedFeed(moved))
      return undefined
    }
    const { key, stolen } = options
    const done = await runWithKeys<RotatedKey>(line, options, 'keys.rotate', { role, key, stolen })
    const text = `the ${done.role} key is ${done.key.slice(0, 16)}… now, no longer ${done.former.slice(0, 16)}…`
    line.output.result(done, describeWaiting(done) ?? text)
    return undefined
  })
}

function addSignersCommand(keys: Command): void {
  const command = keys
    .command('signers')
    .description('adds or removes signers, sets how many must sign')
    .argument('<role>', 'root, targets, online, or a module')
    .option('--add <key...>', 'public keys')
    .option('--remove <key...>', 'public keys or key ids')
    .option('--threshold <m>', 'how many must sign', positiveInteger)
    .option(...PASSPHRASE)
  act(command, async (line, options, [role]) => {
    const { add, remove, threshold } = options
    const args = { role, add, remove, threshold }
    const now = await runWithKeys<RoleLine & Partial<Waiting>>(line, options, 'keys.signers', args)
    const text = `${now.role}: ${now.threshold} of ${now.keys.length} keys must sign`
    line.output.result(now, describeWaiting(now) ?? text)
    return undefined
  })
}

type DelegatedLine = RoleLine & { pattern: string } & Partial<Waiting>

function addDelegateCommand(group: Command): void {
  const command = group
    .command('delegate')
    .description('lets another team release modules whose names fit a pattern')
    .argument('[pattern]', 'for example pos_*')
    .argument('[key...]', "the team's public keys")
    .option('--team <name>', 'name of the team; default: the pattern without its wildcards')
    .option('--threshold <m>', 'how many of them must sign', positiveInteger, 1)
    .option('--end <team>', 'the team may no longer: what it has released no longer counts')
    .option(...PASSPHRASE)
  act(command, async (line, options, [pattern, ...keys]) => {
    const { team, threshold, end } = options
    if (typeof end === 'string') {
      const ended = await runWithKeys<EndedDelegation & Partial<Waiting>>(line, options, 'delegate.end', {
        team: end
      })
      line.output.result(ended, describeWaiting(ended) ?? `${end} may no longer release anything`)
      return undefined
    }
    if (pattern === undefined || keys.flat().length === 0) {
      throw new ChasquiError('USAGE', 'a pattern and at least one public key are needed, or --end TEAM')
    }
    const args = { pattern, keys: keys.flat(), team, threshold }
    const made = await runWithKeys<DelegatedLine>(line, options, 'delegate', args)
    const text = `${made.pattern} may be released by ${made.threshold} of ${made.keys.length} keys of ${made.role.slice(2)}`
    line.output.result(made, describeWaiting(made) ?? text)
    return undefined
  })
}
