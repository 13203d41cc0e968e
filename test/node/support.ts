// A small fleet in this process: a publisher's home and nodes' homes that are opened for real, a folder as the stick that
// goes between them, and a clock that the test sets.
import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import type { TestContext } from 'node:test'
import type { NodeApp } from '../../node/app.ts'
import { nodeCommandTable } from '../../node/commands/table.ts'
import { joinFleet } from '../../node/join.ts'
import { openNode } from '../../node/open.ts'
import { openPublisher, type PublisherApp } from '../../publisher/app.ts'
import { publisherTable } from '../../publisher/commands.ts'
import { initPublisher } from '../../publisher/init.ts'
import { type CommandContext, findCommand } from '../../src/control/commands.ts'
import { homePaths } from '../../src/system/home.ts'
import { silentLog } from '../../src/system/log.ts'

export const context: CommandContext = { emit: () => undefined, signal: new AbortController().signal }

export class SmallFleet {
  readonly folder: string
  readonly publisher: PublisherApp
  /** ms that the nodes' clocks are ahead of the real one */
  ahead = 0
  #nodes = new Set<NodeApp>()
  #joined = 0

  constructor(folder: string, publisher: PublisherApp) {
    this.folder = folder
    this.publisher = publisher
  }

  static async create(t: TestContext): Promise<SmallFleet> {
    const folder = await mkdtemp(join(tmpdir(), 'chasqui-node-'))
    const paths = homePaths(join(folder, 'publisher'))
    await initPublisher({ paths, name: 'Fleet', threshold: 1, signers: 1, passphrase: null, now: Date.now() })
    const fleet = new SmallFleet(folder, await openPublisher(paths))
    await mkdir(fleet.path('stick'))
    await mkdir(fleet.path('live'))
    t.after(() => fleet.close())
    return fleet
  }

  path(...parts: string[]): string {
    return join(this.folder, ...parts)
  }

  async run<T = Record<string, unknown>>(name: string, args: object): Promise<T> {
    return (await findCommand(publisherTable, name)(this.publisher, args, context)) as T
  }

  /** Publishes files as `module@version`. */
  async publish(
    module: string,
    version: string,
    files: Record<string, string>,
    more: object = {}
  ): Promise<void> {
    const dir = this.path('sources', module)
    await rm(dir, { recursive: true, force: true })
    await writeFiles(dir, files)
    await this.run('publish', { dirs: [dir], module, version, ...more })
  }

  /** Joins a branch; `config` is its chasqui.toml. */
  async join(name: string, config: string, invite: object = {}): Promise<NodeApp> {
    const made = await this.run<{ invite: string }>('invite', { name, ...invite })
    const paths = homePaths(this.path(name))
    const seed = new Uint8Array(32).fill(++this.#joined)
    await joinFleet({ paths, invite: made.invite, now: Date.now(), seed })
    await writeFile(paths.config, `[links]\nlan = false\ninternet = false\n${config}`)
    return this.open(name)
  }

  async open(name: string): Promise<NodeApp> {
    const tools = { version: '0', log: silentLog, now: () => Date.now() + this.ahead }
    const node = await openNode(homePaths(this.path(name)), tools)
    this.#nodes.add(node)
    return node
  }

  async closeNode(node: NodeApp): Promise<void> {
    this.#nodes.delete(node)
    await node.close()
  }

  /** Everything that the publisher has goes to the node by stick. */
  async bring(node: NodeApp): Promise<void> {
    const stick = this.path('stick')
    await this.run('stick.export', { stick })
    await runNode(node, 'stick.import', { stick })
  }

  /** The node's reports go to the publisher by stick. */
  async takeHome(node: NodeApp): Promise<void> {
    const stick = this.path('stick')
    await runNode(node, 'stick.export', { stick })
    await this.run('stick.import', { stick })
  }

  async close(): Promise<void> {
    for (const node of this.#nodes) await node.close()
    await this.publisher.close()
    await rm(this.folder, { recursive: true, force: true })
  }
}

/** Runs a command of the node's table on an opened home. */
export async function runNode<T = Record<string, unknown>>(
  node: NodeApp,
  name: string,
  args: object = {}
): Promise<T> {
  return (await findCommand(nodeCommandTable, name)(node, args, context)) as T
}

async function writeFiles(folder: string, files: Record<string, string>): Promise<void> {
  for (const [path, content] of Object.entries(files)) {
    await mkdir(dirname(join(folder, path)), { recursive: true })
    await writeFile(join(folder, path), content)
  }
}

/** Path → text of every file. */
export async function readFiles(folder: string): Promise<Record<string, string>> {
  const found: Record<string, string> = {}
  for (const entry of await readdir(folder, { recursive: true, withFileTypes: true })) {
    const path = join(entry.parentPath, entry.name)
    if (entry.isFile()) found[path.slice(folder.length + 1)] = await readFile(path, 'utf8')
  }
  return found
}

export function generic(name: string, path: string, modules: string, more = ''): string {
  return `[apps.${name}]\nprofile = "generic"\nmodules = [${modules}]\npath = '${path}'\n${more}\n`
}
