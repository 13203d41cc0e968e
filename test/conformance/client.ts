// TUF conformance client: the TrustedSet, the refresh workflow and the durable store of a node, over HTTP, with the strict
// profile of the specification. Protocol: init ROOT | refresh | download, exit status 0 or 1.
import { createHash } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { asChasquiError, ChasquiError } from '../../src/errors.ts'
import { ensureDirectory, readFileLimited, writeFileDurably } from '../../src/system/durable.ts'
import { realFileSystem } from '../../src/system/real-file-system.ts'
import { openTrustStore } from '../../src/system/trust-store.ts'
import { fileNameFor } from '../../src/trust/bytes.ts'
import { TUF_PROFILE } from '../../src/trust/profile.ts'
import { refreshTrust } from '../../src/trust/refresh.ts'
import type { TargetInfo, Trust } from '../../src/trust/trust.ts'
import { httpSource, readUrl } from './http-source.ts'

type Option = 'metadata-dir' | 'metadata-url' | 'target-base-url' | 'target-dir'

interface Request {
  command: string | undefined
  root: string | undefined
  targets: string[]
  option(name: Option): string
  /** milliseconds since the epoch */
  now: number
}

function readOptions(argv: string[]) {
  try {
    return parseArgs({
      args: argv,
      allowPositionals: true,
      options: {
        'metadata-dir': { type: 'string' },
        'metadata-url': { type: 'string' },
        'target-name': { type: 'string', multiple: true },
        'target-base-url': { type: 'string' },
        'target-dir': { type: 'string' }
      }
    })
  } catch (cause) {
    throw new ChasquiError('USAGE', cause instanceof Error ? cause.message : String(cause), { cause })
  }
}

function parse(argv: string[], now: number): Request {
  const { values, positionals } = readOptions(argv)
  const option = (name: Option) => {
    const value = values[name]
    if (value === undefined) throw new ChasquiError('USAGE', `--${name} is missing`)
    return value
  }
  const [command, root] = positionals
  return { command, root, targets: values['target-name'] ?? [], option, now }
}

async function init(request: Request, rootFile: string): Promise<void> {
  const store = openTrustStore(request.option('metadata-dir'))
  await store.save(new Map([['root.json', new Uint8Array(await readFile(rootFile))]]))
}

function refresh(request: Request): Promise<Trust> {
  return refreshTrust({
    store: openTrustStore(request.option('metadata-dir')),
    source: httpSource(request.option('metadata-url')),
    now: request.now,
    profile: TUF_PROFILE
  })
}

async function download(request: Request, trust: Trust, path: string): Promise<void> {
  const target = await trust.target(path)
  if (target === null) throw new ChasquiError('TUF_MISSING', `nobody vouches for ${path}`)
  const directory = request.option('target-dir')
  const file = join(directory, fileNameFor(path))
  const cached = await readFileLimited(realFileSystem, file, target.length).catch(() => null)
  if (cached !== null && fits(target, cached)) return
  const url = targetUrl(request.option('target-base-url'), target, trust.set.root.signed.consistentSnapshot)
  const bytes = await readUrl(url, target.length)
  if (bytes === null) throw new ChasquiError('TUF_MISSING', `${url} is not there`)
  if (!fits(target, bytes))
    throw new ChasquiError('TARGET_MISMATCH', `${path} is not the file that was signed`)
  await ensureDirectory(realFileSystem, directory)
  await writeFileDurably(realFileSystem, file, bytes)
}

function fits(target: TargetInfo, bytes: Uint8Array): boolean {
  const hashes = Object.entries(target.hashes)
  return (
    bytes.length === target.length &&
    hashes.length > 0 &&
    hashes.every(([algorithm, expected]) => createHash(algorithm).update(bytes).digest('hex') === expected)
  )
}

/** TUF 6.2.3: with consistent snapshots the file name starts with one of its hashes. */
function targetUrl(base: string, target: TargetInfo, isConsistent: boolean): string {
  const segments = target.path.split('/').map(encodeURIComponent)
  const hash = target.hashes.sha256 ?? Object.values(target.hashes)[0] ?? ''
  if (isConsistent) segments.push(`${hash}.${segments.pop()}`)
  return `${base.replace(/\/$/, '')}/${segments.join('/')}`
}

async function execute(request: Request): Promise<void> {
  const { command, root } = request
  if (command === 'init' && root !== undefined) return init(request, root)
  if (command === 'refresh') return void (await refresh(request))
  if (command !== 'download') throw new ChasquiError('USAGE', `no command ${command}`)
  const trust = await refresh(request)
  for (const path of request.targets) await download(request, trust, path)
}

/** Runs one command; the exit status is 0 or 1, and `report` hears why. */
export async function runClient(argv: string[], now: number, report: (line: string) => void): Promise<0 | 1> {
  try {
    await execute(parse(argv, now))
    return 0
  } catch (thrown) {
    const error = asChasquiError(thrown)
    report(`${error.code}: ${error.message}`)
    return 1
  }
}
