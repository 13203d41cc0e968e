// npm run archive -- [--out DIR]: a plain self-contained archive for linux-x64: the compiled program, its production
// packages and the Node runtime, in chasqui-VERSION-linux-x64.tar.gz. Real packages with service files come later.
import { execFileSync } from 'node:child_process'
import {
  chmodSync,
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  writeFileSync
} from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join, resolve } from 'node:path'
import { parseArgs } from 'node:util'

const PLATFORM = 'linux-x64'
const LAUNCHER = `#!/bin/sh
here=$(cd "$(dirname "$(readlink -f "$0")")" && pwd)
exec "$here/runtime/node" "$here/app/bin/main.js" "$@"
`

const { values } = parseArgs({ options: { out: { type: 'string' } } })
const root = dirname(import.meta.dirname)
const { version } = readJson<{ version: string }>('package.json')
const output = resolve(values.out ?? '.', `chasqui-${version}-${PLATFORM}.tar.gz`)
mkdirSync(dirname(output), { recursive: true })
const staging = mkdtempSync(join(tmpdir(), 'chasqui-archive-'))
const folder = join(staging, 'chasqui')

try {
  execFileSync(
    join(root, 'node_modules', '.bin', 'tsc'),
    ['-p', 'tsconfig.build.json', '--outDir', join(folder, 'app')],
    {
      cwd: root,
      stdio: 'inherit'
    }
  )
  copy('package.json', join('app', 'package.json'))
  copy('LICENSE', 'LICENSE')
  copy(join('src', 'demo', 'addons'), join('app', 'src', 'demo', 'addons'))
  for (const path of productionPackages()) copy(path, join('app', path))
  copy(join('node_modules', 'node', 'bin', 'node'), join('runtime', 'node'))
  rmSync(join(folder, 'app', 'node_modules', 'node'), { recursive: true, force: true })
  writeFileSync(join(folder, 'chasqui'), LAUNCHER)
  chmodSync(join(folder, 'chasqui'), 0o755)
  execFileSync('tar', ['-czf', output, '--owner=0', '--group=0', '--sort=name', '-C', staging, 'chasqui'])
  console.log(output)
} finally {
  rmSync(staging, { recursive: true, force: true })
}

/** Folders of the packages that the lock file does not mark as for development only. */
function productionPackages(): string[] {
  const { packages } = readJson<{ packages: Record<string, { dev?: boolean }> }>('package-lock.json')
  return Object.entries(packages)
    .filter(
      ([path, { dev }]) => path.startsWith('node_modules/') && dev !== true && existsSync(join(root, path))
    )
    .map(([path]) => path)
}

/** Copies what is there, without binaries for other platforms. */
function copy(from: string, to: string): void {
  const source = join(root, from)
  if (!existsSync(source)) return
  cpSync(source, join(folder, to), {
    recursive: true,
    dereference: true,
    filter: (path) => {
      const prebuild = /[\\/]prebuilds[\\/]([^\\/]+)/.exec(path)?.[1]
      return prebuild === undefined || prebuild === PLATFORM
    }
  })
}

function readJson<T>(path: string): T {
  return JSON.parse(readFileSync(join(root, path), 'utf8')) as T
}
