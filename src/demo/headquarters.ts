// The publisher of the demo, driven by the command line only: publishing versions of the addon set, inviting, serving the
// feed, a stick, and what the fleet says.
import { join } from 'node:path'
import { z } from 'zod'
import { type AddonSetVersion, assembleAddons } from './addon-set.ts'
import { freePort, type Processes } from './processes.ts'

const published = z.object({
  releases: z.array(
    z.object({
      module: z.string(),
      version: z.string(),
      files: z.number(),
      size: z.number(),
      packs: z.array(z.object({ kind: z.string(), bytes: z.number() }))
    })
  ),
  unchanged: z.array(z.unknown()),
  ms: z.number()
})
export type Published = z.infer<typeof published>

const fleet = z.object({
  branches: z.array(
    z.object({
      name: z.string(),
      via: z.string().nullable().optional(),
      health: z.unknown().optional(),
      modules: z.record(z.string(), z.string())
    })
  )
})
export type FleetRow = z.infer<typeof fleet>['branches'][number]

const stickRound = z.object({
  wrote: z.object({ blocks: z.number(), bytes: z.number() }).optional(),
  read: z.object({ blocks: z.number(), bytes: z.number() }).optional(),
  reports: z.object({ in: z.number(), out: z.number() })
})
export type StickRound = z.infer<typeof stickRound>

/** One direction of a stick visit: `usb-sync export` or `usb-sync import` at some home. */
export async function carry(
  processes: Processes,
  home: string,
  direction: 'export' | 'import',
  stick: string
): Promise<StickRound> {
  const { value } = await processes.chasqui(home, ['usb-sync', direction, stick])
  return stickRound.parse(value)
}

export class Headquarters {
  readonly home: string
  private readonly modules: string
  private readonly processes: Processes
  port = 0

  constructor(folder: string, processes: Processes) {
    this.processes = processes
    this.home = join(folder, 'home')
    this.modules = join(folder, 'modules')
  }

  async init(name: string): Promise<{ feed: string; keys: number }> {
    const { value } = await this.processes.chasqui(this.home, [
      'publisher',
      'init',
      '--name',
      name,
      '--no-passphrase'
    ])
    const made = z.object({ feed: z.string(), keys: z.array(z.unknown()) }).parse(value)
    return { feed: made.feed, keys: made.keys.length }
  }

  async publish(version: AddonSetVersion): Promise<Published> {
    await assembleAddons(version, this.modules)
    const { value } = await this.processes.chasqui(this.home, [
      'publisher',
      'publish',
      '--each',
      this.modules
    ])
    return published.parse(value)
  }

  async invite(branch: string): Promise<string> {
    const { value } = await this.processes.chasqui(this.home, ['publisher', 'invite', branch])
    return z.object({ invite: z.string() }).parse(value).invite
  }

  async run(linkFlags: readonly string[]): Promise<void> {
    this.port = await freePort()
    const listen = ['--listen', `127.0.0.1:${this.port}`]
    await this.processes.daemon(this.home, ['publisher', 'run', ...listen, ...linkFlags])
  }

  async fleet(): Promise<FleetRow[]> {
    return fleet.parse((await this.processes.chasqui(this.home, ['publisher', 'fleet'])).value).branches
  }
}
