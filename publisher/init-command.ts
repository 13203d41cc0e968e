// `publisher init`.
import { hostname } from 'node:os'
import type { Command } from 'commander'
import { act, nameText, positiveInteger } from '../src/cli/program.ts'
import { canPrompt } from '../src/cli/prompt.ts'
import { ChasquiError } from '../src/errors.ts'
import { Passphrase } from '../src/trust/key-file.ts'
import { initPublisher } from './init.ts'
import { givenPassphrase, promptNewPassphrase } from './secrets.ts'

export function addInitCommand(group: Command): void {
  const command = group
    .command('init')
    .description('makes keys, trust metadata and a feed')
    .option('--name <name>', 'name of the fleet; default: name of this machine', nameText)
    .option('--threshold <m>', 'how many people must sign', positiveInteger, 1)
    .option('--signers <k>', 'how many signers there are; default: as many as must sign', positiveInteger)
    .option('--passphrase-file <file>', 'file with the passphrase of the keys (CHASQUI_PASSPHRASE_FILE)')
    .option('--no-passphrase', 'write the keys without protection')
  act(command, async (line, options) => {
    const threshold = options.threshold as number
    const passphrase = await newPassphrase(options, line.signal)
    if (passphrase === null)
      line.output.note('the keys are not protected: anybody who reads them can release')
    const made = await initPublisher({
      paths: line.home,
      name: typeof options.name === 'string' ? options.name : hostname(),
      threshold,
      signers: (options.signers as number | undefined) ?? threshold,
      passphrase: passphrase === null ? null : new Passphrase(passphrase),
      now: Date.now()
    })
    line.output.result(
      made,
      `fleet ${made.name} is ready in ${line.home.root}\nroot ${made.root}\nfeed ${made.feed}`
    )
    return undefined
  })
}

async function newPassphrase(options: Record<string, unknown>, signal: AbortSignal): Promise<string | null> {
  if (options.passphrase === false) return null
  const given = await givenPassphrase(options)
  if (given !== undefined) return given
  if (canPrompt()) return promptNewPassphrase(signal)
  throw new ChasquiError('PASSPHRASE_NEEDED', 'a passphrase is needed to protect the keys', {
    hint: 'name its file with --passphrase-file, or choose --no-passphrase'
  })
}
