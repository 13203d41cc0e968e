// The kinds of checks. Each looks once and says in a line what it saw, or throws with what is wrong.
import { isAbsolute, join } from 'node:path'
import { parse as parseToml } from 'smol-toml'
import { ChasquiError } from '../../src/errors.ts'
import { readFileLimited } from '../../src/system/durable.ts'
import { isMissing } from '../../src/system/file-system.ts'
import type { AppWork } from '../apply/work.ts'
import type { CheckConfig } from '../config/checks.ts'
import { fillIn, lastLine, runCommand } from '../profiles/commands.ts'
import type { CheckContext } from './checks.ts'
import { checkHttp } from './http.ts'

type Kind = CheckConfig['kind']
type Check<K extends Kind> = (
  check: Extract<CheckConfig, { kind: K }>,
  context: CheckContext
) => Promise<string>

const TEXT_LIMIT = 16 * 1024 * 1024 // bytes of a file that is read for a check

export const CHECKS: { [K in Kind]: Check<K> } = {
  async files(check, context) {
    for (const path of check.paths ?? []) {
      if ((await context.work.parts.fs.stat(resolvePath(context.work, path))) === null) {
        throw failed(`${path} is missing`)
      }
    }
    const wrong = await context.examineFiles()
    if (wrong.length === 0) return 'all files are as released'
    const [module, ...others] = new Set(wrong.map((one) => one.module))
    const names = wrong.slice(0, 5).map((one) => `${one.module}/${one.path}`)
    throw failed(
      `${wrong.length} files are not as released: ${names.join(', ')}`,
      others.length > 0 ? undefined : module
    )
  },
  async service(check, { work, profile }) {
    // nothing that waiting could tell
    if ((await profile.isRunning(work)) === null) return requireRunning(work, profile)
    await requireRunning(work, profile)
    await work.parts.clock.sleep(check.for)
    return requireRunning(work, profile)
  },
  async database(check, { work, profile }) {
    if (check.command !== undefined) return requireStatus(work, check.command, check.timeout, 0)
    const seen = await profile.checkDatabase(work)
    if (seen !== null) return seen
    throw failed('this profile has no database: give a command')
  },
  http: checkHttp,
  async permissions(check, { work }) {
    for (const path of check.paths) await probe(work, resolvePath(work, path), check.access)
    return `${check.access} is possible at ${check.paths.length} places`
  },
  async config(check, { work }) {
    for (const path of check.paths) parseByName(path, await textOf(work, await realPath(work, path)))
    return `${check.paths.length} files can be parsed`
  },
  async version(check, { work }) {
    const wanted = work.modules.find((one) => check.module === undefined || one.module === check.module)?.to
    const text = await versionText(check, work)
    const seen = check.pattern === undefined ? text.trim() : new RegExp(check.pattern, 'u').exec(text)?.[1]
    if (wanted === null || wanted === undefined) return `version ${seen}`
    if (seen === wanted) return `version ${seen}`
    throw failed(`the version is ${seen?.slice(0, 100) ?? 'not found'}, not ${wanted}`, check.module)
  },
  async log(check, { work, logMarks }) {
    const path = await realPath(work, check.path)
    const bytes = await readFrom(work, path, (await logMarks())[path] ?? 0)
    const pattern = new RegExp(check.pattern, 'u')
    const bad = bytes.split('\n').filter((line) => pattern.test(line))
    if (bad.length === 0) return 'no line of the log since the start is an error'
    throw failed(`${bad.length} lines since the start: ${bad[0]?.slice(0, 300)}`)
  },
  async history(_check, { lastOutcome }) {
    const outcome = await lastOutcome()
    if (outcome === null || outcome === 'committed') return `last transaction: ${outcome ?? 'none'}`
    throw failed(`the last transaction was ${outcome}`)
  },
  command: (check, { work }) => requireStatus(work, check.command, check.timeout, check.status)
}

function failed(message: string, module?: string): ChasquiError {
  return new ChasquiError('CHECK_FAILED', message, module === undefined ? {} : { module })
}

function resolvePath(work: AppWork, path: string): string {
  const [filled] = fillIn(work, [path], {})
  return isAbsolute(filled) ? filled : join(work.app.path, filled)
}

/** Where a path of the configuration leads now: a log may be a symlink to the one of today. */
export async function realPath(work: AppWork, path: string): Promise<string> {
  const named = resolvePath(work, path)
  try {
    return await work.parts.fs.realPath(named)
  } catch (error) {
    if (isMissing(error)) return named
    throw error
  }
}

async function requireRunning(work: AppWork, profile: CheckContext['profile']): Promise<string> {
  const isRunning = await profile.isRunning(work)
  if (isRunning === false) throw failed('the service does not run')
  return isRunning === null ? 'nothing says whether the service runs' : 'the service runs'
}

async function requireStatus(
  work: AppWork,
  command: [string, ...string[]],
  timeout: number,
  wanted: number
): Promise<string> {
  const first = work.modules[0]
  const values = {
    module: first?.module ?? '',
    from: first?.from ?? '',
    to: first?.to ?? '',
    version: first?.to ?? ''
  }
  const { status, output } = await runCommand(work, command, { timeout, values })
  if (status === wanted) return lastLine(output) ?? `status ${status}`
  throw failed(`${command[0]} ended with status ${status}: ${lastLine(output) ?? 'it printed nothing'}`)
}

async function probe(work: AppWork, path: string, access: 'read' | 'write'): Promise<void> {
  const { fs } = work.parts
  const found = await fs.stat(path)
  if (found === null) throw failed(`${path} is missing`)
  if (access === 'read') {
    if (found.kind === 'directory') await fs.list(path)
    else await (await fs.openFile(path)).close()
    return
  }
  if (found.kind !== 'directory') {
    if (await fs.isWritable(path)) return
    throw failed(`${path} cannot be written`)
  }
  const name = join(path, `.chasqui-probe-${Buffer.from(work.parts.random(6)).toString('hex')}`)
  const writer = await fs.createFile(name, 0o600)
  await writer.close()
  await fs.remove(name)
}

async function textOf(work: AppWork, path: string): Promise<string> {
  const bytes = await readFileLimited(work.parts.fs, path, TEXT_LIMIT)
  if (bytes === null) throw failed(`${path} is missing`)
  return Buffer.from(bytes).toString('utf8')
}

/** By the ending of the name: JSON, TOML, else lines of "key = value", sections and comments. */
function parseByName(path: string, text: string): void {
  if (path.endsWith('.json')) return void JSON.parse(text)
  if (path.endsWith('.toml')) return void parseToml(text)
  for (const [index, line] of text.split(/\r?\n/).entries()) {
    if (/^\s*([#;].*)?$|^\s*\[[^\]]+\]\s*$|^\s*[^=:\s][^=:]*[=:]|^\s+\S/.test(line)) continue
    throw failed(`line ${index + 1} of ${path} is not a setting: ${line.slice(0, 80)}`)
  }
}

async function versionText(check: Extract<CheckConfig, { kind: 'version' }>, work: AppWork): Promise<string> {
  if (check.command !== undefined) {
    const { status, output } = await runCommand(work, check.command, { timeout: check.timeout })
    if (status !== 0) throw failed(`${check.command[0]} ended with status ${status}`)
    return output
  }
  return textOf(work, await realPath(work, check.file ?? 'version.txt'))
}

/** The text from an offset on, the end of it when it is long; the whole of a log that was rotated in between. */
async function readFrom(work: AppWork, path: string, offset: number): Promise<string> {
  const { fs } = work.parts
  const size = (await fs.stat(path))?.size ?? 0
  if (size === 0) return ''
  const start = Math.max(offset > size ? 0 : offset, size - TEXT_LIMIT)
  const reader = await fs.openFile(path)
  try {
    return Buffer.from(await reader.read(start, Math.min(size - start, TEXT_LIMIT))).toString('utf8')
  } finally {
    await reader.close()
  }
}
