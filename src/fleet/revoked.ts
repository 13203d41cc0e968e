// fleet/revoked.json: who is out of the fleet, by invite and by node key (FORMAT 11.3). A TUF target of the online role;
// at a branch the list only ever grows.
import { z } from 'zod'
import { ChasquiError } from '../errors.ts'

export const REVOKED_PATH = 'fleet/revoked.json'
export const REVOKED_LIMIT = 4_000_000 // bytes

const id = z.string().regex(/^[0-9a-f]{32,64}$/)
const at = z.iso.datetime({ precision: 0 })

const revokedFile = z.object({
  schema: z.literal(1),
  /** invite id, hex → when */
  invites: z.record(id, z.object({ at })),
  /** node key, hex → when, and the invite that it came with */
  nodes: z.record(id, z.object({ at, invite: id.optional() }))
})

export type RevokedFile = z.infer<typeof revokedFile>

export function nobodyRevoked(): RevokedFile {
  return { schema: 1, invites: {}, nodes: {} }
}

/** Throws REVOKED_INVALID. */
export function parseRevoked(bytes: Uint8Array): RevokedFile {
  try {
    if (bytes.length > REVOKED_LIMIT) throw new RangeError('too large')
    return revokedFile.parse(JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes)))
  } catch (cause) {
    throw new ChasquiError('REVOKED_INVALID', 'the list of revoked members cannot be used', {
      cause,
      hint: 'the publisher must publish it again'
    })
  }
}

/** The bytes that are published. */
export function encodeRevoked(file: RevokedFile): Uint8Array {
  return new TextEncoder().encode(`${JSON.stringify(revokedFile.parse(file))}\n`)
}

/** Everybody in either; what was known first wins. */
export function mergeRevoked(known: RevokedFile, heard: RevokedFile): RevokedFile {
  return {
    schema: 1,
    invites: { ...heard.invites, ...known.invites },
    nodes: { ...heard.nodes, ...known.nodes }
  }
}

/** As memberships are checked against. */
export function revokedSets(file: RevokedFile): { invites: Set<string>; nodes: Set<string> } {
  return { invites: new Set(Object.keys(file.invites)), nodes: new Set(Object.keys(file.nodes)) }
}
