// `config list|get|set|check`: work on chasqui.toml itself, so that a broken one can be looked at while no daemon runs. A
// running daemon reads it again after a change.
import type { Command } from 'commander'
import { act, type CommandLine } from '../../src/cli/program.ts'
import { callDaemon, daemonAnswers } from '../../src/control/client.ts'
import { ChasquiError } from '../../src/errors.ts'
import { readConfigText } from '../../src/system/config.ts'
import { writeFileDurably } from '../../src/system/durable.ts'
import { realFileSystem } from '../../src/system/file-system.ts'
import { readHome } from '../../src/system/home.ts'
import { nearest } from '../../src/system/nearest.ts'
import { editConfig } from '../config/edit.ts'
import { parseNodeConfig } from '../config/load.ts'

export function configCommands(group: Command): void {
  const config = group.command('config').description('what is configured in chasqui.toml')
  act(config.command('list').description('every key with its value'), async (line) => {
    const values = await effective(line)
    line.output.result(
      values,
      flatten(values)
        .map(([key, value]) => `${key} = ${JSON.stringify(value)}`)
        .join('\n')
    )
    return undefined
  })
  act(
    config.command('get').description('one value').argument('<key>'),
    async (line, _options, [key = '']) => {
      const value = await getValue(line, key)
      line.output.result({ key, value }, typeof value === 'string' ? value : JSON.stringify(value))
      return undefined
    }
  )
  const set = config.command('set').description('changes one value').argument('<key>').argument('<value>')
  act(set, async (line, _options, [key = '', value = '']) => {
    await setValue(line, key, value)
    const now = await getValue(line, key)
    line.output.result({ key, value: now }, `${key} = ${JSON.stringify(now)}`)
    return undefined
  })
  act(config.command('check').description('is the file right?'), async (line) => {
    await effective(line)
    line.output.result({ ok: true, file: line.home.config }, `${line.home.config} is right`)
    return undefined
  })
}

/** The whole configuration with its defaults, as JSON. Throws HOME_*, CONFIG_*. */
async function effective(line: CommandLine): Promise<Record<string, unknown>> {
  await readHome(line.home, 'node')
  const text = await readConfigText(realFileSystem, line.home.config)
  return JSON.parse(JSON.stringify(parseNodeConfig(text, line.home.config, process.env))) as Record<
    string,
    unknown
  >
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
  await readHome(line.home, 'node')
  const path = line.home.config
  const edited = editConfig(await readConfigText(realFileSystem, path), path, key, value)
  await writeFileDurably(realFileSystem, path, Buffer.from(edited))
  if (!(await daemonAnswers(line.home.control))) return
  await callDaemon(line.home.control, 'reload', {}, { emit: () => undefined, signal: line.signal })
}

function flatten(values: unknown, prefix = ''): [key: string, value: unknown][] {
  if (typeof values !== 'object' || values === null || Array.isArray(values)) return [[prefix, values]]
  const entries = Object.entries(values)
  if (entries.length === 0 && prefix !== '') return [[prefix, {}]]
  return entries.flatMap(([name, value]) => flatten(value, prefix === '' ? name : `${prefix}.${name}`))
}
