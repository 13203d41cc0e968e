// `publisher keys …`, `sign`, `delegate`, `recover`: the ceremonies as an operator types them. Secrets come from files or
// a prompt; key files and backups are written for their owner only.
import { randomBytes } from 'node:crypto'
import { resolve } from 'node:path'
import type { Command } from 'commander'
import { formatBytes, formatTable } from '../src/cli/output.ts'
import { act, type CommandLine, positiveInteger } from '../src/cli/program.ts'
import { ChasquiError } from '../src/errors.ts'
import { readFileLimited, writeFileDurably } from '../src/system/durable.ts'
import { realFileSystem } from '../src/system/file-system.ts'
import { silentLog } from '../src/system/log.ts'
import { formatTime, fromHex } from '../src/trust/bytes.ts'
import { createKey, encodeKeyFiles } from '../src/trust/fleet-keys.ts'
import { decodeKeyFile, openKeyFile, Passphrase } from '../src/trust/key-file.ts'
import { keyId, keyPairOf, signerOf } from '../src/trust/keys.ts'
import { LIMITS } from '../src/trust/limits.ts'
import { decodeRequest } from '../src/trust/signing-request.ts'
import { run, runWithKeys } from './cli.ts'
import { type BackedUp, restoreKeys } from './keys/backup.ts'
import type { KeyLine, RoleLine } from './keys/list.ts'
import { recoverFromPeer } from './keys/recover.ts'
import type { RotatedKey } from './keys/rotate.ts'
import type { RotatedFeed } from './keys/rotate-feed.ts'
import { type Signed, signWithKey } from './keys/sign.ts'
import { canPrompt, givenPassphrase, promptNewPassphrase, readSecretFile } from './secrets.ts'

const PASSPHRASE = [
  '--passphrase-file <file>',
  'file with the passphrase of the keys (CHASQUI_PASSPHRASE_FILE)'
] as const
const random = (bytes: number) => new Uint8Array(randomBytes(bytes))

export function addKeyCommands(group: Command): void {
  const keys = group.command('keys').description('who may sign what')
  addListCommand(keys)
  addNewCommand(keys)
  addRotateCommand(keys)
  addSignersCommand(keys)
  addBackupCommands(keys)
  addSignCommand(group)
  addDelegateCommand(group)
  addRecoverCommand(group)
  addGrantCommand(group)
}

function addListCommand(keys: Command): void {
  act(keys.command('list').description('keys of this home and of the fleet'), async (line) => {
    const found = await run<{ keys: KeyLine[]; roles: RoleLine[] }>(line, 'keys.list', {})
    const rows = found.keys.map((key) => [
      key.id.slice(0, 16),
      key.role ?? '(not here)',
      key.protected === null ? '' : key.protected ? 'passphrase' : 'open',
      key.signs.join(' '),
      key.label ?? ''
    ])
    line.output.result(found, formatTable([['key', 'role', 'protection', 'signs', 'label'], ...rows]))
    return undefined
  })
}

/** A key for a person who signs on a machine of their own; no home is needed. */
function addNewCommand(keys: Command): void {
  const command = keys
    .command('new')
    .description('makes a release key for another signer or team, as a file')
    .argument('<file>', 'where to write it')
    .option('--label <text>', 'whose it is')
    .option(...PASSPHRASE)
    .option('--no-passphrase', 'write it without protection')
  act(command, async (line, options, [file]) => {
    const passphrase = await chosenPassphrase(options, line)
    const key = createKey('release', random, typeof options.label === 'string' ? options.label : undefined)
    const sealed = passphrase === null ? null : new Passphrase(passphrase)
    // a release key is protected by its role: encodeKeyFiles seals it when there is a passphrase
    const [bytes] = encodeKeyFiles([key], formatTime(Date.now()), sealed, random)
    await writeNew(String(file), bytes as Uint8Array)
    const id = keyId(fromHex(key.public, 32) as Uint8Array)
    line.output.result({ file: resolve(String(file)), public: key.public, id }, `public key ${key.public}`)
    return undefined
  })
}

function addRotateCommand(keys: Command): void {
  const command = keys
    .command('rotate')
    .description('replaces a key that was lost or stolen')
    .argument('<role>', 'root, targets, release, online, enrolment or feed')
    .option('--key <key>', 'which one, when there are several: key id or public key')
    .option('--stolen', 'enrolment: what the former key signed no longer counts')
    .option(...PASSPHRASE)
  act(command, async (line, options, [role]) => {
    if (role === 'feed') {
      const moved = await runWithKeys<RotatedFeed>(line, options, 'keys.rotate-feed', {})
      line.output.result(moved, describeRotatedFeed(moved))
      return undefined
    }
    const { key, stolen } = options
    const done = await runWithKeys<RotatedKey>(line, options, 'keys.rotate', { role, key, stolen })
    line.output.result(
      done,
      `${done.role} is signed by ${done.key.slice(0, 16)}… now, no longer by ${done.former.slice(0, 16)}…`
    )
    return undefined
  })
}

export function describeRotatedFeed({ feed, generation, granted, copied, request }: RotatedFeed): string {
  if (request !== undefined) return `more people have to sign ${request}; then run the command again`
  const left = copied.missing === 0 ? '' : `; ${copied.missing} packs are not on this machine`
  return `the fleet goes on in feed ${feed.slice(0, 16)}… (number ${generation}); ${granted} nodes have its key${left}`
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
    const now = await runWithKeys<RoleLine>(line, options, 'keys.signers', { role, add, remove, threshold })
    line.output.result(now, `${now.role}: ${now.threshold} of ${now.keys.length} keys must sign`)
    return undefined
  })
}

function addBackupCommands(keys: Command): void {
  const backup = keys
    .command('backup')
    .description('writes every key of this home into one encrypted file')
    .argument('<file>')
    .option('--backup-passphrase-file <file>', 'passphrase of the backup; default: that of the keys')
    .option(...PASSPHRASE)
  act(backup, async (line, options, [file]) => {
    const backupPassphrase = await backupSecret(options, line)
    const made = await runWithKeys<BackedUp>(line, options, 'keys.backup', { backupPassphrase })
    await writeNew(String(file), new Uint8Array(Buffer.from(made.backup, 'base64')))
    const { fleet, keys: kept } = made
    line.output.result(
      { file: resolve(String(file)), fleet, keys: kept },
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
  const bytes = await readFileLimited(realFileSystem, resolve(file), LIMITS.keyBackupBytes)
  if (bytes === null) throw new ChasquiError('USAGE', `there is no file ${file}`)
  return restoreKeys({
    paths: line.home,
    backup: bytes,
    backupPassphrase: await backupSecret(options, line),
    passphrase: await chosenPassphrase(options, line),
    forgetNewer: options.forgetNewer === true,
    random
  })
}

function addSignCommand(group: Command): void {
  const command = group
    .command('sign')
    .description('signs a request; the last signature releases it on the home that made it')
    .argument('<request>', 'the file')
    .option('--key <file>', 'a key file in place of the keys of this home')
    .option('--out <file>', 'where to write it; default: the same file')
    .option(...PASSPHRASE)
  act(command, async (line, options, [path]) => {
    const file = resolve(String(path))
    const bytes = await readFileLimited(realFileSystem, file, LIMITS.requestBytes)
    if (bytes === null) throw new ChasquiError('REQUEST_INVALID', `there is no file ${file}`)
    const text = Buffer.from(bytes).toString('utf8')
    const signed =
      typeof options.key === 'string' ? await signByFile(bytes, options) : await signHere(line, options, text)
    const out = typeof options.out === 'string' ? resolve(options.out) : file
    const isGone = signed.released && out === file && (await realFileSystem.stat(file)) === null
    if (!isGone) await writeFileDurably(realFileSystem, out, Buffer.from(signed.request), 0o600)
    const { request: _, ...result } = signed
    line.output.result({ ...result, file: out }, describeSigned(result, out))
    return undefined
  })
}

function signHere(line: CommandLine, options: Record<string, unknown>, request: string): Promise<Signed> {
  return runWithKeys<Signed>(line, options, 'sign', { request })
}

async function signByFile(bytes: Uint8Array, options: Record<string, unknown>): Promise<Signed> {
  const keyFile = await readFileLimited(realFileSystem, resolve(String(options.key)), LIMITS.keyFileBytes)
  if (keyFile === null) throw new ChasquiError('KEY_MISSING', `there is no key file ${options.key}`)
  const passphrase = await givenPassphrase(options)
  const key = openKeyFile(
    decodeKeyFile(keyFile),
    passphrase === undefined ? null : new Passphrase(passphrase)
  )
  const signed = signWithKey(decodeRequest(bytes), signerOf(keyPairOf(key.seed)))
  return { ...signed, missing: [], released: false }
}

function describeSigned({ title, missing, released }: Omit<Signed, 'request'>, out: string): string {
  if (released) return `${title} is released`
  const open = missing.map(({ role, have, need }) => `${role} has ${have} of ${need} signatures`)
  return [`${title} is signed; bring ${out} to the next signer or back to the publisher`, ...open].join('\n')
}

function addDelegateCommand(group: Command): void {
  const command = group
    .command('delegate')
    .description('lets another team release modules whose names fit a pattern')
    .argument('<pattern>', 'for example pos_*')
    .argument('<key...>', "the team's public keys")
    .option('--team <name>', 'name of the team; default: the pattern without its wildcards')
    .option('--threshold <m>', 'how many of them must sign', positiveInteger, 1)
    .option(...PASSPHRASE)
  act(command, async (line, options, [pattern, ...keys]) => {
    const { team, threshold } = options
    const args = { pattern, keys: keys.flat(), team, threshold }
    const made = await runWithKeys<RoleLine & { pattern: string }>(line, options, 'delegate', args)
    line.output.result(
      made,
      `${made.pattern} may be released by ${made.threshold} of ${made.keys.length} keys of ${made.role.slice(2)}`
    )
    return undefined
  })
}

function addRecoverCommand(group: Command): void {
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
    const imported = await bringBack(line, String(options.from))
    const { keys } = await run<{ keys: KeyLine[] }>(line, 'keys.list', {})
    const result = { restored, imported, keys: keys.map(({ id, role, signs }) => ({ id, role, signs })) }
    line.output.result(result, `the fleet goes on in ${line.home.root}`)
    return undefined
  })
}

/** An existing folder is a stick; anything else must be an address. */
async function bringBack(line: CommandLine, from: string): Promise<unknown> {
  const folder = await realFileSystem.stat(resolve(from))
  if (folder?.kind === 'directory') return run(line, 'stick.import', { stick: resolve(from) })
  if (!/:\d+$/.test(from))
    throw new ChasquiError('NOT_A_DIRECTORY', `${from} is neither a folder nor host:port`)
  const onProgress = (done: number, total: number) =>
    line.output.progress(`${formatBytes(done)} of ${formatBytes(total)}`)
  return recoverFromPeer({ paths: line.home, peer: from, log: silentLog, signal: line.signal, onProgress })
}

/** The daemon does it by itself for every branch that it hears of before the invite ends. */
function addGrantCommand(group: Command): void {
  const command = group
    .command('grant')
    .description('countersigns the node of a branch whose invite has ended meanwhile')
    .argument('<branch>', 'name or id')
  act(command, async (line, _options, [branch]) => {
    const granted = await run<{ name: string; node: string }[]>(line, 'grant', { branch })
    const text = granted.map(({ name, node }) => `${name}: ${node}`).join('\n')
    line.output.result(granted, text === '' ? 'it has a grant already' : text)
    return undefined
  })
}

/** A passphrase for new keys, or null with --no-passphrase. Throws PASSPHRASE_NEEDED. */
async function chosenPassphrase(options: Record<string, unknown>, line: CommandLine): Promise<string | null> {
  if (options.passphrase === false) {
    line.output.note('the keys are not protected: anybody who reads them can release')
    return null
  }
  const given = await givenPassphrase(options)
  if (given !== undefined) return given
  if (canPrompt()) return promptNewPassphrase(line.signal)
  throw new ChasquiError('PASSPHRASE_NEEDED', 'a passphrase is needed to protect the keys', {
    hint: 'name its file with --passphrase-file, or choose --no-passphrase'
  })
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

/** Writes a secret file that must not exist yet. */
async function writeNew(file: string, bytes: Uint8Array): Promise<void> {
  const path = resolve(file)
  if ((await realFileSystem.stat(path)) !== null) {
    throw new ChasquiError('USAGE', `${path} exists already`, { hint: 'choose another name' })
  }
  await writeFileDurably(realFileSystem, path, bytes, 0o600)
}
