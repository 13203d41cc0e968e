// Asks the person at the terminal before something that cannot simply be done again.
import { createInterface } from 'node:readline/promises'
import type { CommandLine } from '../src/cli/program.ts'
import { ChasquiError } from '../src/errors.ts'

/** A restore of the database is confirmed by typing it, or with --yes. Throws USAGE. */
export async function confirmDatabase(line: CommandLine): Promise<void> {
  if (line.yes) return
  const question =
    'the database goes back too; what was entered since is set aside. Type "database" to go on: '
  const answer = process.stdin.isTTY ? await ask(question) : ''
  if (answer.trim() === 'database') return
  throw new ChasquiError('USAGE', 'the restore of the database was not confirmed', {
    hint: 'type "database" when asked, or add --yes'
  })
}

async function ask(question: string): Promise<string> {
  const terminal = createInterface({ input: process.stdin, output: process.stderr })
  try {
    return await terminal.question(question)
  } finally {
    terminal.close()
  }
}
