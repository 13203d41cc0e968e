// All of a node's chasqui.toml as one schema: [node] here; [links], [sticks] and [apps.*] have files of
// their own. Checks only; reads nothing.
import { z } from 'zod'
import { linksSchema } from '../../src/member/links-config.ts'
import { sticksSchema } from '../../src/stick/stick-config.ts'
import { duration, size } from '../../src/system/config-units.ts'
import { appsSchema } from './apps.ts'

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

export const nodeSchema = z.strictObject({
  node: node.prefault({}),
  links: linksSchema.prefault({}),
  sticks: sticksSchema.prefault({}),
  apps: appsSchema.prefault({})
})

export type NodeConfig = z.output<typeof nodeSchema>
