// Questions that only a person at the terminal can answer.
import { createInterface } from 'node:readline'
import { Writable } from 'node:stream'
import { ChasquiError } from '../errors.ts'

/** Is there anybody who could answer? */
export function canPrompt(): boolean {
  return process.stdin.isTTY === true && process.stderr.isTTY === true
}

/** Asks on the terminal; what is typed is not shown. Throws CANCELLED. */
export function promptSecret(question: string, signal: AbortSignal): Promise<string> {
  return prompt(question, signal, new Writable({ write: (_chunk, _encoding, done) => done() }))
}

/** Asks on the terminal, in the open. Throws CANCELLED. */
export function ask(question: string, signal: AbortSignal): Promise<string> {
  return prompt(question, signal, process.stderr)
}

function prompt(question: string, signal: AbortSignal, output: NodeJS.WritableStream): Promise<string> {
  const reader = createInterface({ input: process.stdin, output, terminal: true })
  process.stderr.write(question)
  return new Promise((settle, reject) => {
    const stop = () => {
      reader.close()
      reject(new ChasquiError('CANCELLED', 'no answer was given'))
    }
    signal.addEventListener('abort', stop, { once: true })
    reader.once('SIGINT', stop)
    reader.question('', (answer) => {
      signal.removeEventListener('abort', stop)
      reader.close()
      process.stderr.write('\n')
      settle(answer)
    })
  })
}
