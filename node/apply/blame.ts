// Whom a failed transaction is held against: a release, the machine, or nobody in particular. Pure.
import { asChasquiError, type ErrorCode } from '../../src/errors.ts'
import type { Transaction } from './transaction.ts'
import type { Failure, QuarantineEntry } from './types.ts'

/** Trouble of the machine, whatever step it comes up in: it is counted, and goes away without a new release. */
const ENVIRONMENT: ReadonlySet<ErrorCode> = new Set([
  'ADDRESS_IN_USE',
  'APPLY_INTERRUPTED',
  'BACKUP_FAILED',
  'CANCELLED',
  'DATABASE_MISSING',
  'DATABASE_NOT_ALLOWED',
  'DATABASE_UNREACHABLE',
  'DISK_FULL',
  'DISK_IO',
  'NO_PERMISSION',
  'REHEARSAL_IMPOSSIBLE',
  'SERVICE_UNREACHABLE'
])

const CAUSES = 10 // links of a chain of causes that are looked at

/** The trouble of the machine beneath an error, when there is one: a migration also fails because the disk is full. */
export function troubleBeneath(thrown: unknown): ErrorCode | undefined {
  let at = thrown
  for (let depth = 0; depth < CAUSES && at instanceof Error; depth++) {
    const { code } = asChasquiError(at)
    if (ENVIRONMENT.has(code)) return code
    at = at.cause
  }
  return undefined
}

/** The release itself did not work here; a full disk or a power cut is not its fault. */
export function isOfTheRelease({ code, trouble, step, module }: Failure): boolean {
  // one that a release has lost is named with its module
  if (code === 'APPLY_TOOL_MISSING' && module === undefined) return false
  if (trouble !== undefined || ENVIRONMENT.has(code)) return false
  return code === 'STAGED_WRONG' || ['rehearse', 'migrate', 'start', 'check'].includes(step ?? '')
}

type Tried = Pick<Transaction, 'changes' | 'error'>

/** Modules that the failure is held against: the only one, or the one that it names; none: nobody in particular. */
export function blamedIn({ changes, error }: Tried): string[] {
  if (changes.length === 1) return changes.map(({ module }) => module)
  return changes.flatMap(({ module }) => (module === error?.module ? [module] : []))
}

/** What is noted against each release of a transaction that was rolled back; nothing against those that were only there. */
export function quarantineAfter(
  tried: Tried,
  known: readonly QuarantineEntry[],
  limit: number
): QuarantineEntry[] {
  const { changes, error } = tried
  if (error === undefined || error.code === 'CANCELLED') return []
  const blamed = blamedIn(tried)
  const isNobodys = blamed.length === 0
  const isReleases = isOfTheRelease(error)
  return changes.flatMap(({ module, track, to }) => {
    if (to === null || !(isNobodys || blamed.includes(module))) return []
    const before = known.find((one) => one.module === module && one.track === track && one.version === to)
    const attempts = (before?.attempts ?? 0) + 1
    const isClosed = attempts >= limit || (isReleases && !isNobodys)
    // trouble of the machine says nothing new about a release that is under suspicion
    const isSuspect = !isClosed && (isReleases ? isNobodys : before?.together === true)
    return [
      { module, track, version: to, attempts, isClosed, error, ...(isSuspect ? { together: true } : {}) }
    ]
  })
}
