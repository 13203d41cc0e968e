// Runs the conformance client against a simulated repository, in folders of its own that are removed afterwards.
import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { TestContext } from 'node:test'
import { runClient } from './client.ts'
import { Simulator } from './simulator.ts'

export const NOW = Date.parse('2026-06-01T00:00:00Z')
export const DAY = 24 * 60 * 60 * 1000

export interface UnderTest {
  repo: Simulator
  now: number
  /** why the last command failed: the error code, or '' */
  code: string
  init(): Promise<0 | 1>
  refresh(): Promise<0 | 1>
  download(...paths: string[]): Promise<0 | 1>
  /** trusted roles and versions, by file name in the metadata folder */
  trusted(): Promise<Record<string, number>>
  file(name: string): Promise<Buffer>
  artifacts(): Promise<string[]>
  folders: { metadata: string; targets: string; root: string; url: string }
}

/** A client that was initialised with root version 1 of `repo`. */
export async function clientFor(t: TestContext, repo = new Simulator()): Promise<UnderTest> {
  const directory = await mkdtemp(join(tmpdir(), 'chasqui-tuf-'))
  const url = await repo.start()
  t.after(async () => {
    await repo.stop()
    await rm(directory, { recursive: true })
  })
  const folders = {
    metadata: join(directory, 'metadata'),
    targets: join(directory, 'targets'),
    root: join(directory, 'initial_root.json'),
    url
  }
  await writeFile(folders.root, repo.roots[0] as Buffer)
  const run = async (...args: string[]) => {
    under.code = ''
    const argv = ['--metadata-url', `${url}/metadata/`, '--metadata-dir', folders.metadata, ...args]
    return runClient(argv, under.now, (line) => {
      under.code = line.split(':')[0] as string
    })
  }
  const under: UnderTest = {
    repo,
    now: NOW,
    code: '',
    folders,
    init: () => run('init', folders.root),
    refresh: () => run('refresh'),
    download: (...paths) => {
      const names = paths.flatMap((path) => ['--target-name', path])
      return run(
        ...names,
        '--target-dir',
        folders.targets,
        '--target-base-url',
        `${url}/targets/`,
        'download'
      )
    },
    async trusted() {
      const names = (await readdir(folders.metadata)).filter((name) => name.endsWith('.json')).sort()
      const versions = names.map(async (name) => {
        const { signed } = JSON.parse(await readFile(join(folders.metadata, name), 'utf8'))
        return [name.slice(0, -5), signed.version] as const
      })
      return Object.fromEntries(await Promise.all(versions))
    },
    file: (name) => readFile(join(folders.metadata, name)),
    async artifacts() {
      const names = await readdir(folders.targets).catch(() => [])
      return Promise.all(names.sort().map((name) => readFile(join(folders.targets, name), 'utf8')))
    }
  }
  await under.init()
  return under
}
