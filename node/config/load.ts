// Reads a node's chasqui.toml. The one thing that TOML itself does not allow and the file does: `internet = true` (or
// `lan`) in [links] together with a table [links.internet]. The switch then means the table's `enabled`.
import {
  type ConfigSource,
  checkConfig,
  fromFile,
  parseConfigTables,
  readConfigText,
  withEnvironment
} from '../../src/system/config.ts'
import { writtenValues } from '../../src/system/config-schema.ts'
import { realFileSystem } from '../../src/system/file-system.ts'
import { type NodeConfig, nodeSchema } from './schema.ts'

/** Tables of which the environment may set single values. */
const FROM_ENVIRONMENT = ['node', 'links', 'sticks']

/** The configuration of the home whose file is at `path`. Throws CONFIG_*. */
export async function loadNodeConfig(path: string, environment: NodeJS.ProcessEnv): Promise<NodeConfig> {
  return parseNodeConfig(await readConfigText(realFileSystem, path), path, environment)
}

/** Throws CONFIG_SYNTAX, CONFIG_UNKNOWN_KEY or CONFIG_INVALID. */
export function parseNodeConfig(text: string, path: string, environment: NodeJS.ProcessEnv = {}): NodeConfig {
  return checkConfig(sourceOf(text, path, environment), nodeSchema)
}

/** Every value that is in force, as the file would say it, defaults too. Throws CONFIG_*. */
export function writtenNodeConfig(
  text: string,
  path: string,
  environment: NodeJS.ProcessEnv = {}
): Record<string, unknown> {
  const source = sourceOf(text, path, environment)
  checkConfig(source, nodeSchema)
  return writtenValues(nodeSchema, source.tables) as Record<string, unknown>
}

function sourceOf(text: string, path: string, environment: NodeJS.ProcessEnv): ConfigSource {
  return withEnvironment(fromFile(readTables(text, path), path), FROM_ENVIRONMENT, environment)
}

/** The tables as the schema wants them, before they are checked. Throws CONFIG_SYNTAX. */
export function readTables(text: string, path: string): Record<string, unknown> {
  const tables = parseConfigTables(renameSwitches(text), path)
  const links = tables.links
  if (typeof links !== 'object' || links === null) return tables
  return { ...tables, links: joinSwitches(links as Record<string, unknown>) }
}

const SWITCHES = ['lan', 'internet'] as const
const HIDDEN = '-switch' // never a key of the schema: joinSwitches takes it away again

/** `internet = …` becomes another key where [links.internet] exists too; no line is added or taken away. */
function renameSwitches(text: string): string {
  const tables = SWITCHES.filter((name) =>
    new RegExp(`^\\s*\\[\\s*links\\s*\\.\\s*${name}\\s*\\]`, 'm').test(text)
  )
  if (tables.length === 0) return text
  let table = ''
  const lines = text.split('\n').map((line) => {
    table = /^\s*\[\s*([^\]]+?)\s*\]/.exec(line)?.[1] ?? table
    const name = /^\s*(lan|internet)\s*=/.exec(line)?.[1]
    const isSwitch = table === 'links' && tables.some((one) => one === name)
    return isSwitch ? line.replace(/(lan|internet)/, `$1${HIDDEN}`) : line
  })
  return lines.join('\n')
}

function joinSwitches(links: Record<string, unknown>): Record<string, unknown> {
  const joined = { ...links }
  for (const name of SWITCHES) {
    if (!(name + HIDDEN in joined)) continue
    const table = joined[name] as Record<string, unknown>
    joined[name] = { ...table, enabled: table.enabled ?? joined[name + HIDDEN] }
    delete joined[name + HIDDEN]
  }
  return joined
}
