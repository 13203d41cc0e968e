// Makes a node's home out of an invite. Everything that can be wrong is found before the first file; home.json comes last,
// so that a home that was cut in the making is none.
import { ChasquiError } from '../src/errors.ts'
import { ensureDirectory, readFileLimited, writeFileDurably } from '../src/system/durable.ts'
import { realFileSystem } from '../src/system/file-system.ts'
import { createHome, type HomePaths } from '../src/system/home.ts'
import { formatTime, toHex } from '../src/trust/bytes.ts'
import { type ParsedInvite, parseInvite, requireUsable } from '../src/trust/invite.ts'
import { keyPairOf } from '../src/trust/keys.ts'
import { LIMITS } from '../src/trust/limits.ts'
import { createMembership } from '../src/trust/membership.ts'
import { editConfig } from './config/edit.ts'
import { saveIdentity } from './identity.ts'

export interface JoinRequest {
  paths: HomePaths
  /** the invite itself, or the path of a file that holds it */
  invite: string
  /** what this node is called here; default: the name on the invite */
  name?: string
  pin?: string
  now: number
  /** 32 random bytes: the node's key */
  seed: Uint8Array
}

export interface Joined {
  node: string
  name: string
  feed: string
}

/** Throws INVITE_*, MEMBERSHIP_INVALID, FLEET_MISMATCH, HOME_EXISTS. */
export async function joinFleet(request: JoinRequest): Promise<Joined> {
  const { paths, now, seed } = request
  await refuseExisting(paths)
  const invite = parseInvite(await readInvite(request.invite), request.pin)
  requireUsable(invite, now)
  if (invite.details.role !== 'branch') {
    throw new ChasquiError('INVITE_DAMAGED', 'the invite is not for a branch', {
      hint: 'ask the publisher for an invite'
    })
  }
  const name = request.name ?? invite.details.name
  const keyPair = keyPairOf(seed)
  const node = toHex(keyPair.publicKey)
  const membership = createMembership(invite.certificate, invite.inviteSeed, keyPair.publicKey)
  const identity = { node, keyPair, membership, access: accessOf(invite) }
  await ensureDirectory(realFileSystem, paths.root, 0o700)
  await saveIdentity(paths, seed, identity, formatTime(now))
  if (request.name !== undefined) await nameInConfig(paths, request.name)
  await createHome(paths, { schema: 1, role: 'node', name, fleet: toHex(invite.fleetId) })
  return { node, name, feed: toHex(invite.feedKey) }
}

function accessOf(invite: ParsedInvite) {
  const { fleetId, fleetSecret, feedKey, feedEncryptionKey, generation, enrolmentKey, peers, bootstrap } =
    invite
  return { fleetId, fleetSecret, feedKey, feedEncryptionKey, generation, enrolmentKey, peers, bootstrap }
}

async function refuseExisting(paths: HomePaths): Promise<void> {
  if ((await realFileSystem.stat(paths.identity)) === null) return
  throw new ChasquiError('HOME_EXISTS', `${paths.root} already holds a home`, {
    hint: 'a node belongs to one fleet: choose another folder with --home'
  })
}

/** What was given is the invite when it looks like one, else the name of a file. */
async function readInvite(given: string): Promise<string> {
  if (/^\s*chasqui1/i.test(given)) return given
  const bytes =
    given.length > 4_000 ? null : await readFileLimited(realFileSystem, given, LIMITS.inviteBytes * 4)
  if (bytes !== null) return Buffer.from(bytes).toString('utf8')
  throw new ChasquiError('INVITE_NOT_FOUND', `${given.slice(0, 80)} is neither an invite nor a file`, {
    hint: 'an invite starts with "chasqui1": copy it whole, or name the file that holds it'
  })
}

/** A name that an operator gave belongs to the configuration, where it can be changed. */
async function nameInConfig(paths: HomePaths, name: string): Promise<void> {
  const bytes = await readFileLimited(realFileSystem, paths.config, 1024 * 1024)
  const text = bytes === null ? '' : Buffer.from(bytes).toString('utf8')
  const edited = editConfig(text, paths.config, 'node.name', JSON.stringify(name))
  await writeFileDurably(realFileSystem, paths.config, Buffer.from(edited))
}
