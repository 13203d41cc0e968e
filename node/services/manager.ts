// What manages services (systemd, the Docker engine) can be away: the machine was not started with it, or it was stopped. That is
// trouble of the machine, told from a service that does not work by a question that only the manager can answer.
import { ChasquiError } from '../../src/errors.ts'
import type { ProcessResult } from '../../src/system/process.ts'
import type { AppWork } from '../apply/work.ts'
import type { Argv } from '../config/fields.ts'
import { firstLine, mustRun, runCommand } from '../profiles/commands.ts'

export interface Manager {
  /** as people call it */
  name: string
  /** ends with 0 when it answers */
  question: Argv
  hint: string
  /** milliseconds, of each command */
  timeout: number
}

/** Throws SERVICE_UNREACHABLE when the manager does not answer. */
export async function requireManager(work: AppWork, manager: Manager): Promise<void> {
  const { name, question, hint, timeout } = manager
  const unreachable = (why: string, cause?: unknown) =>
    new ChasquiError('SERVICE_UNREACHABLE', `${name} does not answer: ${why}`, { hint, cause })
  let result: ProcessResult
  try {
    result = await runCommand(work, question, { timeout })
  } catch (cause) {
    if (cause instanceof ChasquiError && cause.code === 'PROCESS_TIMEOUT')
      throw unreachable(cause.message, cause)
    throw cause
  }
  const { status, output } = result
  if (status !== 0) throw unreachable(firstLine(output) ?? `status ${status}`)
}

/** Runs a command of the manager. Throws SERVICE_FAILED, or SERVICE_UNREACHABLE when it failed because the manager is away. */
export async function askManager(
  work: AppWork,
  manager: Manager,
  what: string,
  argv: Argv,
  outputLimit?: number
): Promise<ProcessResult> {
  const { timeout } = manager
  const options = { timeout, ...(outputLimit === undefined ? {} : { outputLimit }) }
  try {
    return await mustRun(work, what, argv, 'SERVICE_FAILED', options)
  } catch (error) {
    await requireManager(work, manager)
    throw error
  }
}
