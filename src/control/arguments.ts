// Arguments of commands as they arrive, JSON from the command line or the control socket: parsed once, before use.
import type { z } from 'zod'
import { ChasquiError } from '../errors.ts'

/** One line says the first thing that is wrong: "severity: expected one of "critical"|"normal"". Throws USAGE. */
export function parseArguments<T>(schema: z.ZodType<T>, raw: unknown): T {
  const parsed = schema.safeParse(raw ?? {})
  if (parsed.success) return parsed.data
  throw new ChasquiError('USAGE', describe(parsed.error.issues[0] as z.core.$ZodIssue, raw), {
    hint: 'add --help to see how it is used'
  })
}

function describe(issue: z.core.$ZodIssue, raw: unknown): string {
  if (issue.code === 'unrecognized_keys') return `${issue.keys.join(', ')}: there is no such argument`
  const name = issue.path.join('.') || 'arguments'
  return `${name}: ${isAbsent(raw, issue.path) ? 'is missing' : expectation(issue)}`
}

function expectation(issue: z.core.$ZodIssue): string {
  if (issue.code === 'invalid_union' && issue.errors.length > 0) {
    const wanted = issue.errors.flat().map((one) => expectation(one).replace(/^expected /, ''))
    return `expected ${[...new Set(wanted)].join(', or ')}`
  }
  if (issue.code === 'too_small' && issue.origin === 'string' && issue.minimum === 1) return 'is empty'
  return issue.message
    .replace(/^(Invalid (input|option)|Too (small|big)): /, '')
    .replace(/\s+/g, ' ')
    .slice(0, 200)
}

function isAbsent(raw: unknown, path: readonly PropertyKey[]): boolean {
  let at = raw
  for (const part of path) at = (at as Record<PropertyKey, unknown> | null | undefined)?.[part]
  return path.length > 0 && at === undefined
}
