// Questions that only a person at the terminal can answer.
import { createInterface, type Interface } from 'node:readline'
import { Writable } from 'node:stream'
import { ChasquiError } from '../errors.ts'

/** Is there anybody who could answer? */
export function canPrompt(): boolean {
  return process.stdin.isTTY === true && process.stderr.isTTY === true
}

/** Asks on the terminal; what is typed is not shown. Throws CANCELLED. */
export async function promptSecret(question: string, signal: AbortSignal): Promise<string> {
  const reader = readerOf(new Writable({ write: (_chunk, _encoding, done) => done() }))
  // not before: until there is a reader the terminal itself shows what is typed
  process.stderr.write(question)
  try {
    return await answerTo(reader, '', signal)
  } finally {
    process.stderr.write('\n')
  }
}

/** Asks on the terminal, in the open. Throws CANCELLED. */
export function ask(question: string, signal: AbortSignal): Promise<string> {
  // the reader wipes the line before it asks: a question that was not its own would go
  return answerTo(readerOf(process.stderr), question, signal)
}

function readerOf(output: NodeJS.WritableStream): Interface {
  return createInterface({ input: process.stdin, output, terminal: true })
}

function answerTo(reader: Interface, question: string, signal: AbortSignal): Promise<string> {
  return new Promise((settle, reject) => {
    const stop = () => {
      reader.close()
      const hint = 'run the command again to have it done'
      reject(new ChasquiError('CANCELLED', 'no answer was given', { hint }))
    }
    signal.addEventListener('abort', stop, { once: true })
    reader.once('SIGINT', stop)
    // Ctrl-D, or a terminal that was closed
    reader.once('close', stop)
    reader.question(question, (answer) => {
      signal.removeEventListener('abort', stop)
      settle(answer)
      reader.close()
    })
  })
}
