// [[apps.*.checks]]: what must be true of an app after an update, and whenever an operator asks. Checks only the words.
import { z } from 'zod'
import { command, timeLimit } from './fields.ts'

const common = {
  name: z.string().min(1).max(100).optional(),
  /** for one try */
  timeout: timeLimit('30 s'),
  retries: z.int().min(0).max(100).default(10),
  /** between tries */
  wait: timeLimit('1 s')
}
const paths = z.array(z.string().min(1)).min(1)
const pattern = z.string().max(1000).refine(isPattern, 'expected a regular expression')

/** Paths may be relative: they start at the app's folder. */
export const checkSchema = z.discriminatedUnion('kind', [
  z.strictObject({ ...common, kind: z.literal('files'), paths: paths.optional() }),
  z.strictObject({ ...common, kind: z.literal('service'), for: timeLimit('1 s') }),
  z.strictObject({ ...common, kind: z.literal('database'), command: command.optional() }),
  z.strictObject({
    ...common,
    kind: z.literal('http'),
    url: z.url(),
    expect: z.union([z.int().min(100).max(599), z.array(z.int().min(100).max(599)).min(1)]).default(200),
    text: z.string().min(1).optional(),
    /** every style sheet and script of the page must be there too */
    assets: z.boolean().default(false)
  }),
  z.strictObject({
    ...common,
    kind: z.literal('permissions'),
    paths,
    access: z.enum(['read', 'write']).default('read')
  }),
  z.strictObject({ ...common, kind: z.literal('config'), paths }),
  z.strictObject({
    ...common,
    kind: z.literal('version'),
    file: z.string().min(1).optional(),
    command: command.optional(),
    /** first group is the version; default: the whole trimmed text */
    pattern: pattern.optional(),
    module: z.string().optional()
  }),
  z.strictObject({
    ...common,
    kind: z.literal('log'),
    path: z.string().min(1),
    /** a line that matches is a failure */
    pattern: pattern.default(' (ERROR|CRITICAL) ')
  }),
  z.strictObject({ ...common, kind: z.literal('history') }),
  z.strictObject({
    ...common,
    kind: z.literal('command'),
    command,
    status: z.int().min(0).max(255).default(0)
  })
])
export type CheckConfig = z.output<typeof checkSchema>

function isPattern(text: string): boolean {
  try {
    new RegExp(text, 'u')
    return true
  } catch {
    return false
  }
}
