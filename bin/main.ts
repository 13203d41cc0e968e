// Puts the command line together: the one place that knows all programs. A program is loaded when its group is asked for,
// so that a start costs no more than it has to.
import { Command } from 'commander'
import { commonOptionsLast, runProgram } from '../src/cli/program.ts'
import { VERSION } from '../src/version.ts'

const GROUPS: Record<string, () => Promise<Command>> = {
  publisher: async () => (await import('../publisher/main.ts')).publisherCommands(),
  node: async () => (await import('../node/main.ts')).nodeCommands(),
  'usb-sync': async () =>
    (await import('../usb-sync/main.ts')).usbSyncCommands({
      publisher: async (...call) => (await import('../publisher/commands.ts')).runPublisherCommand(...call),
      node: async (...call) => (await import('../node/cli.ts')).runNodeCommand(...call)
    }),
  demo: async () => (await import('../src/demo/command.ts')).demoCommand()
}

const program = new Command('chasqui').description(
  'Signed software releases, carried to every branch over the LAN, over patchy internet, or in a pocket on a USB stick.'
)
// positional: the --version of `publish` is another one
program.enablePositionalOptions().version(VERSION, '--version', 'version of this program')
const argv = commonOptionsLast(process.argv)
const asked = argv[2] ?? ''
for (const name of Object.hasOwn(GROUPS, asked) ? [asked] : Object.keys(GROUPS)) {
  program.addCommand(await (GROUPS[name] as () => Promise<Command>)())
}

await runProgram(program, argv)
