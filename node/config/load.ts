// Reads a node's chasqui.toml.
import { readTables } from '../../src/member/links-switch.ts'
import {
  type ConfigSource,
  checkConfig,
  fromFile,
  readConfigText,
  withEnvironment
} from '../../src/system/config.ts'
import { writtenValues } from '../../src/system/config-schema.ts'
import { realFileSystem } from '../../src/system/real-file-system.ts'
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
