// The [links] table of chasqui.toml, of nodes and publishers alike: which links there are, what they may carry and when.
import { z } from 'zod'
import { parseWindows } from '../fleet/window.ts'
import { parseHostPort } from '../net/address.ts'
import { rate, size } from '../system/config-units.ts'

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

const network = z.union([z.cidrv4(), z.cidrv6()])

/** Other rates at other hours: the first that fits the hour holds, for the directions that it names. */
const hourlyRates = z.array(z.strictObject({ hours, up: rate.optional(), down: rate.optional() })).max(50)

const lanLink = z.strictObject({
  enabled: z.boolean().default(true),
  /** other networks of the same site, which cost nothing to reach: CIDR */
  networks: z.array(network).max(100).optional(),
  up: rate.optional(),
  down: rate.optional(),
  rates: hourlyRates.optional()
})

const internetLink = z.strictObject({
  enabled: z.boolean().default(true),
  up: rate.optional(),
  down: rate.optional(),
  rates: hourlyRates.optional(),
  /** when it may be used; default: always */
  hours: hours.optional(),
  /** a link that costs by the byte: reports and news pass, releases wait for another way or for a critical one */
  metered: z.boolean().default(false),
  /** bytes a month */
  'monthly-cap': size.optional(),
  /** bytes a day for reports and news; default: 2 MB when metered, else 64 MiB */
  'gossip-daily': size.optional()
})

export const linksSchema = z.strictObject({
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

export type LinksConfig = z.output<typeof linksSchema>
