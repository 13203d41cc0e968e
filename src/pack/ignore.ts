// Which files of a module folder belong to a release: .chasquiignore in the module's root (gitignore syntax, the npm
// package `ignore`) after defaults that a "!" line can take back. The ignore file itself never travels.
import { join } from 'node:path'
import ignore from 'ignore'
import { readFileLimited } from '../system/durable.ts'
import type { ReadableFileSystem } from '../system/file-system.ts'

const IGNORE_FILE = '.chasquiignore'
const IGNORE_LIMIT = 256 * 1024 // bytes

const DEFAULT_IGNORES = [
  IGNORE_FILE,
  '.git',
  '.hg',
  '.svn',
  '.idea/',
  '.vscode/',
  '.DS_Store',
  'Thumbs.db',
  'desktop.ini',
  '*.pyc',
  '*.pyo',
  '__pycache__/',
  '.pytest_cache/',
  '.mypy_cache/',
  'node_modules/',
  '*.swp',
  '*~',
  '.env'
] as const

export interface IgnoreRules {
  ignores(path: string, isDirectory: boolean): boolean
}

/** The rules of a module's folder; the defaults where it has no .chasquiignore. Throws FILE_TOO_LARGE. */
export async function readIgnoreRules(fs: ReadableFileSystem, folder: string): Promise<IgnoreRules> {
  const bytes = await readFileLimited(fs, join(folder, IGNORE_FILE), IGNORE_LIMIT)
  return makeIgnoreRules(bytes === null ? '' : Buffer.from(bytes).toString('utf8'))
}

/** Rules of a .chasquiignore's text, after the defaults. */
export function makeIgnoreRules(text: string): IgnoreRules {
  const rules = ignore({ ignorecase: false, allowRelativePaths: true })
    .add([...DEFAULT_IGNORES])
    .add(text)
  return { ignores: (path, isDirectory) => rules.ignores(isDirectory ? `${path}/` : path) }
}
