// The arguments of a publish as they come from the command line or over the control socket.
import { z } from 'zod'
import { parseArguments } from '../../src/control/arguments.ts'
import { ChasquiError } from '../../src/errors.ts'

const text = z.string().min(1).max(4096)

const publishArgs = z.strictObject({
  /** absolute */
  dirs: z.array(text).max(10_000).default([]),
  /** absolute; every module in this folder */
  each: text.optional(),
  module: text.optional(),
  version: text.optional(),
  track: text.optional(),
  channel: z
    .string()
    .regex(/^[a-z0-9][a-z0-9_.-]{0,49}$/, 'expected small letters and digits, such as "stable"')
    .default('stable'),
  notes: z
    .string()
    .max(64 * 1024)
    .optional(),
  severity: z.enum(['critical', 'normal']).default('normal'),
  kind: z.enum(['directory', 'overlay']).optional(),
  /** globs: only these files change on top of the last release */
  files: z.array(text).min(1).max(1000).optional(),
  author: z.string().max(200).optional(),
  /** overlay: paths to remove at the branch */
  deletes: z.array(text).max(50_000).optional(),
  /** stepping stone: the version that must have been installed first */
  after: text.optional(),
  labels: z.array(text).max(1000).optional(),
  steps: z.array(text).max(1000).optional(),
  /** range of the app's version, and platforms */
  compatApp: text.optional(),
  platforms: z.array(text).max(100).optional(),
  /** module ranges, `name range` */
  requires: z.array(text).max(1000).optional(),
  dryRun: z.boolean().default(false),
  allowSameVersion: z.boolean().default(false),
  passphrase: z.string().max(10_000).optional()
})
export type PublishArgs = z.infer<typeof publishArgs>

/** Throws USAGE. */
export function parsePublishArgs(args: unknown): PublishArgs {
  const parsed = parseArguments(publishArgs, args)
  const { dirs, each, module, version } = parsed
  if ((dirs.length === 0) === (each === undefined))
    throw usage('name folders to publish, or --each with one folder')
  if ((dirs.length > 1 || each !== undefined) && (module !== undefined || version !== undefined)) {
    throw usage('--module and --version are for one folder only')
  }
  return parsed
}

function usage(why: string): ChasquiError {
  return new ChasquiError('USAGE', why, {
    hint: 'add --help to see how it is used'
  })
}
