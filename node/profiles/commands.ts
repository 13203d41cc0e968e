// Runs the operator's own commands: argv with placeholders, a clean environment, a time limit, the output kept as evidence.
// A release never brings a command line.
import { isAbsolute, join } from 'node:path'
import { ChasquiError, type ErrorCode } from '../../src/errors.ts'
import type { ProcessResult } from '../../src/system/process.ts'
import type { AppWork } from '../apply/work.ts'
import type { Argv } from '../config/fields.ts'

export type Values = Readonly<Partial<Record<'backup' | 'from' | 'to' | 'module' | 'version', string>>>

/** Names of the environment that every program gets, if the node has them. */
const PASSED = [
  ...['PATH', 'HOME', 'USER', 'LOGNAME', 'LANG', 'LC_ALL', 'TZ', 'TMPDIR', 'XDG_RUNTIME_DIR'],
  ...[
    'SystemRoot',
    'windir',
    'ComSpec',
    'PATHEXT',
    'TEMP',
    'TMP',
    'ProgramData',
    'ProgramFiles',
    'USERPROFILE'
  ]
]

function cleanEnvironment(work: AppWork): Record<string, string> {
  const environment: Record<string, string> = {}
  for (const name of PASSED) {
    const value = work.parts.environment[name]
    if (value !== undefined) environment[name] = value
  }
  return { ...environment, CHASQUI_APP: work.app.name, ...work.app.env }
}

/** Replaces {backup}, {from}, {to}, {version}, {module} and {path}; other braces stay as they are. */
export function fillIn(work: AppWork, argv: Argv, values: Values): Argv {
  const known: Record<string, string | undefined> = { ...values, path: work.app.path }
  const fill = (word: string) =>
    word.replaceAll(
      /\{(backup|from|to|version|module|path)\}/g,
      (whole, name: string) => known[name] ?? whole
    )
  return argv.map(fill) as Argv
}

/** True when the command differs from module to module. */
export function isPerModule(argv: Argv): boolean {
  return argv.some((word) => /\{(from|to|version|module)\}/.test(word))
}

/** True when the command leads from one version to another. */
export function namesFrom(argv: Argv): boolean {
  return argv.some((word) => word.includes('{from}'))
}

/** The program as it will be run: a relative one starts at the app's folder, else at the node's home. Null: not there. */
export async function findProgram(work: AppWork, program: string): Promise<string | null> {
  const { fs, home, environment, platform } = work.parts
  const windows = platform === 'win32'
  const endings = windows ? ['', '.exe', '.cmd', '.bat'] : ['']
  const isNamed = !program.includes('/') && !(windows && program.includes('\\'))
  const pathVariable = environment.PATH ?? environment.Path ?? ''
  const folders = isNamed
    ? pathVariable.split(windows ? ';' : ':')
    : isAbsolute(program)
      ? ['']
      : [work.app.commands?.cwd ?? work.app.path, home]
  for (const folder of folders) {
    for (const ending of endings) {
      const candidate = (folder === '' ? program : join(folder, program)) + ending
      const found = await fs.stat(candidate)
      if (found?.kind === 'file' || found?.kind === 'symlink') return candidate
    }
  }
  return null
}

export interface CommandOptions {
  values?: Values
  timeout: number
  /** more environment */
  environment?: Readonly<Record<string, string>>
  /** bytes of output that are kept, from the end */
  outputLimit?: number
  signal?: AbortSignal
  /** a file for the output of a program that leaves something running */
  log?: string
  /** the module that it is run for, when it is run for one */
  module?: string
  /** who it runs as; default: the node's user */
  user?: { user: number; group: number }
}

/** Runs a command to its end; a status ≠ 0 is a result. */
export async function runCommand(work: AppWork, argv: Argv, options: CommandOptions): Promise<ProcessResult> {
  const [program, ...args] = fillIn(work, argv, options.values ?? {})
  const found = await findProgram(work, program)
  if (found === null) {
    throw new ChasquiError('APPLY_TOOL_MISSING', `the program ${program} is not there`, {
      hint: `give its full path in [apps.${work.app.name}]`
    })
  }
  const cwd = await workingFolder(work)
  const result = await work.parts.runner.run({
    command: [found, ...args],
    ...(cwd === null ? {} : { cwd }),
    environment: {
      ...cleanEnvironment(work),
      ...variables(options.values ?? {}),
      ...options.environment
    },
    timeout: options.timeout,
    ...(options.outputLimit === undefined ? {} : { outputLimit: options.outputLimit }),
    ...(options.signal === undefined ? {} : { signal: options.signal }),
    ...(options.log === undefined ? {} : { log: options.log }),
    ...(options.user === undefined ? {} : { user: options.user }),
    ...(work.onStart === undefined ? {} : { onStart: work.onStart })
  })
  work.note(`$ ${[program, ...args].join(' ')} → ${result.status}\n${result.output}`)
  return result
}

async function workingFolder(work: AppWork): Promise<string | null> {
  for (const folder of [work.app.commands?.cwd ?? work.app.path, work.parts.home]) {
    if ((await work.parts.fs.stat(folder))?.kind === 'directory') return folder
  }
  return null
}

function variables(values: Values): Record<string, string> {
  return Object.fromEntries(
    Object.entries(values).map(([name, value]) => [`CHASQUI_${name.toUpperCase()}`, value])
  )
}

/** Runs a command that must end with status 0. Throws `code`. */
export async function mustRun(
  work: AppWork,
  what: string,
  argv: Argv,
  code: ErrorCode,
  options: CommandOptions
): Promise<ProcessResult> {
  const about = options.module === undefined ? {} : { module: options.module }
  let result: ProcessResult
  try {
    result = await runCommand(work, argv, options)
  } catch (cause) {
    if (cause instanceof ChasquiError && cause.code === 'APPLY_TOOL_MISSING') throw cause
    const why = cause instanceof Error ? cause.message : String(cause)
    throw new ChasquiError(code, `${what} failed: ${why}`, { cause, ...hintOf(cause), ...about })
  }
  if (result.status === 0) return result
  throw new ChasquiError(code, `${what} ended with status ${result.status}`, {
    hint: lastLine(result.output) ?? 'it printed nothing',
    ...about
  })
}

function hintOf(cause: unknown): { hint?: string } {
  return cause instanceof ChasquiError && cause.hint !== undefined ? { hint: cause.hint } : {}
}

/** The last line that says something. */
export function lastLine(output: string): string | undefined {
  return linesOf(output).at(-1)
}

/** The first line that says something. */
export function firstLine(output: string): string | undefined {
  return linesOf(output)[0]
}

function linesOf(output: string): string[] {
  const lines = output.split('\n').map((line) => line.trim().slice(0, 300))
  return lines.filter((line) => line !== '')
}
