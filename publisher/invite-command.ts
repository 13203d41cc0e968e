// `publisher invite`: the text that lets a branch join, on stdout or in a file that only its owner can read.
import { resolve } from 'node:path'
import type { Command } from 'commander'
import { act } from '../src/cli/program.ts'
import { qrCode } from '../src/cli/qr-code.ts'
import { writeFileDurably } from '../src/system/durable.ts'
import { requirePlace } from '../src/system/named-file.ts'
import { realFileSystem } from '../src/system/real-file-system.ts'
import { readSecretFile } from '../src/system/secret-file.ts'
import { run } from './cli.ts'
import type { Invited } from './members.ts'
import { parseExpiry } from './parse.ts'

export function addInviteCommand(group: Command): void {
  const command = group
    .command('invite')
    .description('lets a branch join')
    .argument('<name>', 'name of the branch')
    .option('--group <group...>', 'groups that it belongs to')
    .option('--modules <glob...>', 'modules that it is entitled to; default: all')
    .option('--expires <duration>', 'how long the invite can be used (30d)', parseExpiry)
    .option('--pin-file <file>', 'protect it with the PIN in this file')
    .option('--peer <host:port...>', 'addresses where members can be reached')
    .option('--bootstrap <host:port...>', "DHT nodes of the fleet's own")
    .option('--out <file>', 'write it to a file')
    .option('--qr', 'show it as a QR code too')
  act(command, async (line, options, [name]) => {
    const { group: groups, modules, expires, peer: peers, bootstrap, pinFile, out } = options
    if (typeof out === 'string') await requirePlace(out)
    const pin = typeof pinFile === 'string' ? await readSecretFile(pinFile) : undefined
    const args = { name, groups, modules, expires, peers, bootstrap, pin }
    const made = await run<Invited>(line, 'invite', args)
    if (made.sameName > 0) {
      line.output.note(`${made.name}: ${made.sameName} more of that name; revoke what is not in use any more`)
    }
    const code = options.qr === true ? `\n\n${qrCode(made.invite)}` : ''
    if (typeof out === 'string') {
      await writeFileDurably(realFileSystem, resolve(out), Buffer.from(`${made.invite}\n`), 0o600)
      line.output.result({ ...made, out: resolve(out) }, `invite for ${made.name} written to ${out}${code}`)
    } else {
      line.output.result(made, `${made.invite}${code}`)
    }
    return undefined
  })
}
