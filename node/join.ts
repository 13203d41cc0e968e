// Makes a node's home out of an invite, or renews one of the same fleet. Everything that can be wrong is found before the
// first file; in a new home home.json comes last, so that a home that was cut in the making is none.
import { ChasquiError } from '../src/errors.ts'
import { ensureDirectory, readFileLimited, writeFileDurably } from '../src/system/durable.ts'
import {
  createHome,
  type HomeIdentity,
  type HomePaths,
  lockHome,
  readHome,
  renameHome
} from '../src/system/home.ts'
import { readNamedFile } from '../src/system/named-file.ts'
import { realFileSystem } from '../src/system/real-file-system.ts'
import { readRootChain } from '../src/system/trust-store.ts'
import { equalBytes, formatTime, toHex } from '../src/trust/bytes.ts'
import { type ParsedInvite, parseInvite, requireUsable } from '../src/trust/invite.ts'
import { keyPairOf } from '../src/trust/keys.ts'
import { LIMITS } from '../src/trust/limits.ts'
import { certificateIn, createMembership } from '../src/trust/membership.ts'
import { editConfig } from './config/edit.ts'
import { type FleetAccess, loadIdentity, type NodeIdentity, renewIdentity, saveIdentity } from './identity.ts'

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
  /** the home was there: it has another node key now and kept the rest */
  renewed: boolean
}

/** Throws INVITE_*, MEMBERSHIP_INVALID, HOME_EXISTS, HOME_LOCKED, HOME_OTHER_ROLE. */
export async function joinFleet(request: JoinRequest): Promise<Joined> {
  const { paths, now } = request
  const isTaken = (await realFileSystem.stat(paths.identity)) !== null
  const home = isTaken ? await readHome(paths, 'node') : null
  const invite = parseInvite(await readInvite(request.invite), request.pin)
  requireUsable(invite, now)
  if (invite.details.role !== 'branch') {
    throw new ChasquiError('INVITE_DAMAGED', 'the invite is not for a branch', {
      hint: 'ask the publisher for an invite'
    })
  }
  return home === null ? joinNew(request, invite) : renewInTurn(request, invite, home)
}

async function joinNew({ paths, now, seed, name }: JoinRequest, invite: ParsedInvite): Promise<Joined> {
  const { node, keyPair, membership } = memberOf(invite, seed)
  const shown = name ?? invite.details.name
  await ensureDirectory(realFileSystem, paths.root, 0o700)
  await saveIdentity(paths, seed, { node, keyPair, membership, access: accessOf(invite) }, formatTime(now))
  if (name !== undefined) await nameInConfig(paths, name)
  await createHome(paths, { schema: 1, role: 'node', name: shown, fleet: toHex(invite.fleetId) })
  return { node, name: shown, feed: toHex(invite.feedKey), renewed: false }
}

async function renewInTurn(request: JoinRequest, invite: ParsedInvite, home: HomeIdentity): Promise<Joined> {
  const lock = await lockHome(request.paths)
  try {
    return await renew(request, invite, home)
  } finally {
    await lock.release()
  }
}

/**
 * A home of this fleet gets another node key and membership, and keeps everything else: what is installed, history,
 * backups, floors, configuration. For who was revoked, and for who lost its key.
 */
async function renew(
  { paths, now, seed, name }: JoinRequest,
  invite: ParsedInvite,
  home: HomeIdentity
): Promise<Joined> {
  const former = await loadIdentity(paths).catch(unlessDamaged)
  requireAnother(paths, invite, home, former)
  const { node, membership } = memberOf(invite, seed)
  const roots = [...(await readRootChain(paths.trust)).keys()]
  const access = {
    ...renewedAccess(invite, former?.access ?? null),
    rootAtJoin: roots.length === 0 ? undefined : Math.max(...roots)
  }
  await renewIdentity(paths, seed, { membership, access }, formatTime(now))
  const shown = name ?? invite.details.name
  if (name !== undefined) await nameInConfig(paths, name)
  await renameHome(paths, home, shown)
  return { node, name: shown, feed: toHex(access.feedKey), renewed: true }
}

/** A home that has lost its keys can be renewed all the same. */
function unlessDamaged(error: unknown): null {
  if (error instanceof ChasquiError && ['HOME_DAMAGED', 'KEY_FILE_DAMAGED'].includes(error.code)) return null
  throw error
}

/** Throws HOME_EXISTS when it is the home of another fleet, or when the invite is the one that it has. */
function requireAnother(
  paths: HomePaths,
  invite: ParsedInvite,
  home: HomeIdentity,
  former: NodeIdentity | null
): void {
  if (home.fleet !== toHex(invite.fleetId)) {
    throw new ChasquiError('HOME_EXISTS', `${paths.root} is the home of a node of another fleet`, {
      hint: 'a node belongs to one fleet: choose another folder with --home'
    })
  }
  const isSame = former !== null && equalBytes(certificateIn(former.membership), invite.certificate)
  if (!isSame) return
  throw new ChasquiError('HOME_EXISTS', `${paths.root} has joined with this invite already`, {
    hint: 'to renew the membership of this home, ask the publisher for a new invite'
  })
}

function memberOf(invite: ParsedInvite, seed: Uint8Array) {
  const keyPair = keyPairOf(seed)
  const membership = createMembership(invite.certificate, invite.inviteSeed, keyPair.publicKey)
  return { node: toHex(keyPair.publicKey), keyPair, membership }
}

function accessOf(invite: ParsedInvite): FleetAccess {
  const { fleetId, fleetSecret, feedKey, feedEncryptionKey, generation, enrolmentKey, peers, bootstrap } =
    invite
  return { fleetId, fleetSecret, feedKey, feedEncryptionKey, generation, enrolmentKey, peers, bootstrap }
}

/** The newer of the feeds that the invite and this home know; the way there is the invite's, when it names one. */
function renewedAccess(invite: ParsedInvite, former: FleetAccess | null): FleetAccess {
  const fresh = accessOf(invite)
  if (former === null) return fresh
  const way = {
    peers: fresh.peers.length > 0 ? fresh.peers : former.peers,
    bootstrap: fresh.bootstrap.length > 0 ? fresh.bootstrap : former.bootstrap
  }
  if (fresh.generation > former.generation) {
    return { ...fresh, ...way, formerFeeds: [...(former.formerFeeds ?? []), former.feedKey] }
  }
  const { feedKey, feedEncryptionKey, generation, formerFeeds } = former
  return { ...fresh, ...way, feedKey, feedEncryptionKey, generation, formerFeeds }
}

/** What was given is the invite when it looks like one, else the name of a file. */
async function readInvite(given: string): Promise<string> {
  if (/^\s*chasqui1/i.test(given)) return given
  const bytes = given.length > 4_000 ? null : await readNamedFile(given, LIMITS.inviteBytes * 4)
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
