// Entry point of the conformance client: arguments and clock of the process.
import { runClient } from './client.ts'

process.exitCode = await runClient(process.argv.slice(2), Date.now(), (line) =>
  process.stderr.write(`${line}\n`)
)
