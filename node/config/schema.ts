// All of a node's chasqui.toml as one schema: [node], [links], [sticks] here, [apps.*] in apps.ts. Checks only; reads nothing.
import { z } from 'zod'
import { parseWindows } from '../../src/fleet/window.ts'
import { parseHostPort } from '../../src/net/address.ts'
import { sticksSchema } from '../../src/stick/stick-config.ts'
import { duration, rate, size } from '../../src/system/config-units.ts'
import { appsSchema } from './apps.ts'

const address = z.string().transform((text, context) => {
  try {
    parseHostPort(text)
    return text
  } catch {
    context.addIssue({ code: 'custom', message: 'expected host:port' })
    return z.NEVER
  }
})

const listenAddress = z.string().regex(/^.+:\d{1,5}$/, 'expected host:port (port 0: any free one)')

const hours = z.union([z.string(), z.array(z.string()).min(1)]).transform((value, context) => {
  try {
    return parseWindows(typeof value === 'string' ? [value] : value)
  } catch (error) {
    context.addIssue({ code: 'custom', message: (error as Error).message })
    return z.NEVER
  }
})

const node = z.strictObject({
  name: z.string().min(1).max(200).optional(),
  environment: z.enum(['development', 'staging', 'production']).default('production'),
  /** what it keeps for others: only what its own apps use, or everything */
  carry: z.enum(['mine', 'all']).default('all'),
  'carry-max': size.prefault('20 GiB'),
  'max-memory': size.prefault('300 MiB'),
  /** when the publisher's news are too old: go on and say so, or apply nothing */
  stale: z.enum(['warn', 'hold']).default('warn'),
  /** how often it looks whether something is to be done when nothing has changed */
  'check-every': duration.prefault('15 min'),
  /** how often it reports when nothing has changed */
  'report-every': duration.prefault('24 h')
})

const network = z.union([z.cidrv4(), z.cidrv6()])

const lanLink = z.strictObject({
  enabled: z.boolean().default(true),
  /** other networks of the same site, which cost nothing to reach: CIDR */
  networks: z.array(network).max(100).optional(),
  up: rate.optional(),
  down: rate.optional()
})

const internetLink = z.strictObject({
  enabled: z.boolean().default(true),
  up: rate.optional(),
  down: rate.optional(),
  /** when it may be used; default: always */
  hours: hours.optional(),
  /** a link that costs by the byte: reports and news pass, releases wait for another way or for a critical one */
  metered: z.boolean().default(false),
  /** bytes a month */
  'monthly-cap': size.optional(),
  /** bytes a day for reports and news; default: 2 MB when metered, else 64 MiB */
  'gossip-daily': size.optional()
})

const links = z.strictObject({
  lan: z
    .union([z.boolean().transform((enabled): z.output<typeof lanLink> => ({ enabled })), lanLink])
    .prefault(true),
  internet: z
    .union([
      z.boolean().transform((enabled): z.output<typeof internetLink> => ({ enabled, metered: false })),
      internetLink
    ])
    .prefault(true),
  /** members at fixed addresses, always tried */
  peers: z
    .array(z.union([address, z.strictObject({ address, class: z.enum(['lan', 'internet', 'metered']) })]))
    .max(1_000)
    .default([]),
  /** where members may connect over TCP; default: a free port on every interface */
  listen: listenAddress.optional(),
  /** nodes of an own DHT, in place of the public one */
  bootstrap: z.array(address).max(100).default([])
})

export const nodeSchema = z.strictObject({
  node: node.prefault({}),
  links: links.prefault({}),
  sticks: sticksSchema.prefault({}),
  apps: appsSchema.prefault({})
})

export type NodeConfig = z.output<typeof nodeSchema>
