// Arguments of the key commands, which come over the control socket too.
import { z } from 'zod'
import { ChasquiError } from '../../src/errors.ts'

/** Throws USAGE. */
export function parse<T>(schema: z.ZodType<T>, raw: unknown): T {
  const parsed = schema.safeParse(raw)
  if (parsed.success) return parsed.data
  throw new ChasquiError('USAGE', z.prettifyError(parsed.error).slice(0, 300), { hint: 'add --help' })
}
