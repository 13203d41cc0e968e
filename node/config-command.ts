// `config list|get|set|check`: work on chasqui.toml itself, so that a broken one can be looked at while no daemon runs. A
// running daemon reads it again after a change.
import type { Command } from 'commander'
import { act, type CommandLine } from '../src/cli/program.ts'
import { callDaemon, daemonAnswers } from '../src/control/client.ts'
import { ChasquiError } from '../src/errors.ts'
import { readConfigText } from '../src/system/config.ts'
import { writeFileDurably } from '../src/system/durable.ts'
import { readHome } from '../src/system/home.ts'
import { nearest } from '../src/system/nearest.ts'
import { realFileSystem } from '../src/system/real-file-system.ts'
import { editConfig } from './config/edit.ts'
import { parseNodeConfig, writtenNodeConfig } from './config/load.ts'
import { lookAtPlace } from './config/places.ts'
import { formatKey, formatToml } from './config/toml.ts'

export function configCommands(group: Command): void {
  const config = group.command('config').description('what is configured in chasqui.toml')
  act(config.command('list').description('every key with its value'), async (line) => {
    const values = await effective(line)
    line.output.result(values, listConfig(values))
    return undefined
  })
  act(
    config.command('get').description('one value').argument('<key>'),
    async (line, _options, [key = '']) => {
      const value = await getValue(line, key)
      line.output.result({ key, value }, typeof value === 'string' ? value : formatToml(value))
      return undefined
    }
  )
  const set = config.command('set').description('changes one value').argument('<key>').argument('<value>')
  act(set, async (line, _options, [key = '', value = '']) => {
    await setValue(line, key, value)
    const now = await getValue(line, key)
    line.output.result({ key, value: now }, `${key} = ${formatToml(now)}`)
    return undefined
  })
  act(config.command('check').description('is the file right?'), async (line) => {
    await effective(line)
    await requirePlaces(line)
    line.output.result({ ok: true, file: line.home.config }, `${line.home.config} is right`)
    return undefined
  })
}

/** The whole configuration with its defaults, as the file would say it. Throws HOME_*, CONFIG_*. */
async function effective(line: CommandLine): Promise<Record<string, unknown>> {
  return writtenNodeConfig(await textOf(line), line.home.config, process.env)
}

async function textOf(line: CommandLine): Promise<string> {
  await readHome(line.home, 'node')
  return readConfigText(realFileSystem, line.home.config)
}

/** Every app must have a folder, or a folder to make it in. Throws CONFIG_INVALID. */
async function requirePlaces(line: CommandLine): Promise<void> {
  const { apps } = parseNodeConfig(await textOf(line), line.home.config, process.env)
  for (const { name, path } of Object.values(apps)) {
    const place = await lookAtPlace(path)
    if (place.ok) continue
    throw new ChasquiError('CONFIG_INVALID', `${line.home.config}: apps.${name}.path: ${place.message}`, {
      hint: `correct apps.${name}.path in the file, or make the folder`
    })
  }
}

async function getValue(line: CommandLine, key: string): Promise<unknown> {
  const values = await effective(line)
  let at: unknown = values
  for (const part of key.split('.')) {
    const table = at as Record<string, unknown>
    const isThere = typeof at === 'object' && at !== null && Object.hasOwn(table, part)
    if (!isThere) throw unknownKey(key, values)
    at = table[part]
  }
  return at
}

function unknownKey(key: string, values: Record<string, unknown>): ChasquiError {
  const near = nearest(
    key,
    flatten(values).map(([name]) => name)
  )
  return new ChasquiError('CONFIG_UNKNOWN_KEY', `${key}: there is no such key, or it has no value`, {
    hint: near === null ? '"chasqui node config list" shows them all' : `did you mean "${near}"?`
  })
}

async function setValue(line: CommandLine, key: string, value: string): Promise<void> {
  const path = line.home.config
  const edited = editConfig(await textOf(line), path, key, value)
  await writeFileDurably(realFileSystem, path, Buffer.from(edited))
  if (!(await daemonAnswers(line.home.control))) return
  await callDaemon(line.home.control, 'reload', {}, { emit: () => undefined, signal: line.signal })
}

/** A TOML document of one line for each value. */
export function listConfig(values: Record<string, unknown>): string {
  return flatten(values)
    .map(([key, value]) => `${key} = ${formatToml(value)}`)
    .join('\n')
}

function flatten(values: unknown, prefix = ''): [key: string, value: unknown][] {
  if (typeof values !== 'object' || values === null || Array.isArray(values)) return [[prefix, values]]
  const entries = Object.entries(values)
  if (entries.length === 0 && prefix !== '') return [[prefix, {}]]
  return entries.flatMap(([name, value]) =>
    flatten(value, prefix === '' ? formatKey(name) : `${prefix}.${formatKey(name)}`)
  )
}
