// Is there room on the stick for what is to be written?
import { ChasquiError } from '../errors.ts'

/** Bytes that the stick lacks for `bytes` more. `free` null: the file system does not say, so none. */
export function lacksSpace(bytes: number, free: number | null): number {
  if (bytes === 0 || free === null) return 0
  return Math.max(0, bytes + SPACE_RESERVE - free)
}

/** Throws STICK_FULL with the exact shortfall. */
export function refuseWithoutSpace(bytes: number, free: number | null): void {
  const shortfall = lacksSpace(bytes, free)
  if (shortfall === 0) return
  const needed = `${bytes} bytes to write and ${SPACE_RESERVE} for folders and reports`
  throw new ChasquiError('STICK_FULL', `${needed} are needed, and ${free} bytes are free`, {
    hint: `free ${shortfall} bytes on the stick, or take less with --latest, --channel, --modules or --max-size`,
    numbers: { shortfall, bytes, free: free ?? 0 }
  })
}

/** What folders, reports and the file system's own tables need beside the segments. */
const SPACE_RESERVE = 1024 * 1024 // bytes
