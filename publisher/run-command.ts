// `publisher run`.
import { resolve } from 'node:path'
import { type Command, Option } from 'commander'
import { act, type CommandLine } from '../src/cli/program.ts'
import type { ControlEvent } from '../src/control/commands.ts'
import { describeStickEvent } from '../src/stick/describe.ts'
import { createLog } from '../src/system/log.ts'
import { runPublisher } from './daemon.ts'

export function addRunCommand(group: Command): void {
  const command = group
    .command('run')
    .description('serves the feed and collects reports until stopped')
    .option('--listen <host:port>', 'where members connect by TCP')
    .option('--bootstrap <host:port...>', 'DHT nodes in place of the public ones')
    .option('--no-internet', 'do not use Hyperswarm')
    .option('--no-lan', 'neither look for members on the LAN nor be found there')
    .option('--peer <host:port...>', 'members to connect to')
    .addOption(dashboardOption())
    .option('--sticks <dir...>', 'more folders below which USB sticks appear')
    .option('--no-sticks', 'do not look for USB sticks')
  act(command, async (line, options) => {
    await runPublisher({
      paths: line.home,
      listen: text(options.listen),
      bootstrap: options.bootstrap as string[] | undefined,
      internet: options.internet !== false,
      lan: options.lan !== false,
      peers: (options.peer as string[] | undefined) ?? [],
      sticks: stickRoots(options.sticks),
      log: createLog({
        level: line.output.options.verbose ? 'debug' : line.output.options.quiet ? 'error' : 'warn',
        pretty: process.stderr.isTTY === true,
        colour: line.output.options.colour
      }),
      signal: line.signal,
      emit: (event) => line.output.stream(event, describe(event, line))
    })
    return undefined
  })
}

/** Pages for browsers: this program serves none yet, so that `off` is all that can be asked for. */
function dashboardOption(): Option {
  return new Option('--dashboard <host:port>', 'off: this version serves no pages').choices(['off'])
}

/** Null: not to be looked for; undefined: as chasqui.toml says. */
function stickRoots(given: unknown): string[] | null | undefined {
  if (given === false) return null
  return Array.isArray(given) ? given.map((path) => resolve(path)) : undefined
}

function text(value: unknown): string | undefined {
  return typeof value === 'string' ? value : undefined
}

function describe(event: ControlEvent, { output }: CommandLine): string {
  switch (event.event) {
    case 'ready': {
      const at = event.listening as { host: string; port: number } | null
      return `${output.style('green', 'ready')}${at === null ? '' : `, listening on ${at.host}:${at.port}`}`
    }
    case 'peer':
      return `${event.name} connected (${event.link}, ${event.address})`
    case 'peer-gone':
      return `${event.name} is gone`
    case 'report':
      return `report of ${event.name} via ${event.via}: ${JSON.stringify(event.apps)}`
    case 'version':
      return `the feed is at version ${event.version}`
    case 'stick':
      return describeStickEvent(event)
    case 'conflict':
      return output.style('red', 'two signed histories of the feed were seen: it is frozen')
    default:
      return event.event
  }
}
