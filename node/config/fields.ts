// Kinds of values that several parts of chasqui.toml share: commands and durations. Checks only.
import { z } from 'zod'
import { parseDuration } from '../../src/fleet/units.ts'

/** Milliseconds, written "30 s". */
export const duration = z.string().transform((text, context) => {
  const milliseconds = parseDuration(text)
  if (milliseconds !== undefined && milliseconds > 0) return milliseconds
  context.addIssue({ code: 'custom', message: 'expected a duration like "30 s" or "3 days"' })
  return z.NEVER
})

/** A duration with a default, in the words of the file. */
export function timeLimit(byDefault: string) {
  return duration.prefault(byDefault)
}

/** Program and arguments; never a line for a shell. */
export const command = z
  .array(z.string().max(4000))
  .min(1, 'expected a program and its arguments')
  .max(200)
  .transform((words) => words as [string, ...string[]])
export type Argv = z.output<typeof command>
