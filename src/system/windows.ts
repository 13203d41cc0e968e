// What Windows does in its own way with programs: batch files are run by its shell, and a tree of processes is no group.
import { spawn } from 'node:child_process'
import { ChasquiError } from '../errors.ts'

/** What the shell would read as more than text, also between quotes. */
const SPECIAL = /["%\r\n\0]/

/**
 * The command that runs a batch file, to be passed on as it is (`windowsVerbatimArguments`); null: it is none. Everything
 * stands in quotes, in which only the refused characters mean something. Throws PROCESS_FAILED.
 */
export function batchCommand(command: readonly string[], shell = 'cmd.exe'): string[] | null {
  const [program = ''] = command
  if (!/\.(cmd|bat)$/i.test(program)) return null
  const bad = command.find((word) => SPECIAL.test(word))
  if (bad !== undefined) {
    throw new ChasquiError('PROCESS_FAILED', `${program} cannot be given ${JSON.stringify(bad)}`, {
      hint: 'quotes, percent signs and line breaks mean something to a batch file: run an .exe instead'
    })
  }
  return [shell, '/d', '/v:off', '/s', '/c', `"${command.map((word) => `"${word}"`).join(' ')}"`]
}

/** Kills a program with all that it has started; alone where Windows lacks its tool for that. */
export function killTree(pid: number): void {
  const child = spawn('taskkill', ['/pid', String(pid), '/t', '/f'], { stdio: 'ignore', windowsHide: true })
  child.on('error', () => {
    try {
      process.kill(pid)
    } catch {
      // it ended by itself in between
    }
  })
}
