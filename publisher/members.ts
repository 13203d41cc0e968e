// Who belongs to the fleet: invites that were given, branches that were heard of, and who is out again.
import { z } from 'zod'
import { parseArguments } from '../src/control/arguments.ts'
import { invitesByNode } from '../src/feed/grant-owners.ts'
import type { RevokedFile } from '../src/fleet/revoked.ts'
import { formatTime, fromHex, toHex } from '../src/trust/bytes.ts'
import { enrolmentKeysOf } from '../src/trust/ceremony.ts'
import { signCertificate } from '../src/trust/certificate.ts'
import { encodeInvite, encodeInviteWithPin, type Invite } from '../src/trust/invite.ts'
import { keyPairOf } from '../src/trust/keys.ts'
import { NOBODY_REVOKED, type VerifiedMember, verifyMembership } from '../src/trust/membership.ts'
import type { PublisherApp } from './app.ts'

const DAY = 24 * 60 * 60 * 1000 // milliseconds

const inviteArgs = z.strictObject({
  name: z.string().min(1).max(200),
  groups: z.array(z.string().min(1).max(100)).max(100).default([]),
  modules: z.array(z.string().min(1).max(100)).max(1000).default([]),
  /** milliseconds from now */
  expires: z
    .int()
    .positive()
    .default(30 * DAY),
  pin: z.string().min(1).max(1000).optional(),
  peers: z.array(z.string().min(1).max(300)).max(16).default([]),
  bootstrap: z.array(z.string().min(1).max(300)).max(16).default([])
})

/** An invite that was given, as the home remembers it. */
export interface InviteEntry {
  /** invite id, hex */
  id: string
  name: string
  groups: string[]
  modules: string[]
  issued: string
  expires: string
}

/** state key of an invite, before its id */
export const INVITE_PREFIX = 'invite/'

export interface Invited {
  invite: string
  name: string
  id: string
  /** others of that name, invited or joined, who are not out */
  sameName: number
}

/** `invite`: a branch may join. The invite itself is shown once and not kept. */
export async function invite(app: PublisherApp, raw: unknown): Promise<Invited> {
  const args = parseArguments(inviteArgs, raw)
  const { trust } = await app.fleet.view()
  const now = app.now()
  const entry: InviteEntry = {
    id: toHex(app.random(16)),
    name: args.name,
    groups: args.groups,
    modules: args.modules.length === 0 ? ['*'] : args.modules,
    issued: formatTime(now),
    expires: formatTime(now + args.expires)
  }
  const seed = app.random(32)
  const made = await makeInvite(app, entry, seed, args, trust.fleet.feed.generation)
  const random = { salt: app.random(16), nonce: app.random(24) }
  const text = args.pin === undefined ? encodeInvite(made) : encodeInviteWithPin(made, args.pin, random)
  const others = (await listBranches(app)).filter(({ name, revoked }) => name === entry.name && !revoked)
  await app.state.put({ [INVITE_PREFIX + entry.id]: entry })
  return { invite: text, name: entry.name, id: entry.id, sameName: others.length }
}

async function makeInvite(
  app: PublisherApp,
  entry: InviteEntry,
  seed: Uint8Array,
  { peers, bootstrap }: z.infer<typeof inviteArgs>,
  generation: number
): Promise<Invite> {
  const enrolment = keyPairOf((await app.keys.openOne('enrolment')).seed)
  const fleetId = fromHex(app.fleet.id, 32) as Uint8Array
  const certificate = signCertificate(
    {
      invite: fromHex(entry.id, 16) as Uint8Array,
      fleet: fleetId,
      inviteKey: keyPairOf(seed).publicKey,
      role: 'branch',
      name: entry.name,
      groups: entry.groups,
      modules: entry.modules,
      issued: Date.parse(entry.issued),
      expires: Date.parse(entry.expires)
    },
    enrolment.secretKey
  )
  return {
    fleetId,
    fleetSecret: app.member.fleetSecret,
    feedKey: app.feed.key,
    feedEncryptionKey: app.feed.identity.encryptionKey,
    generation,
    enrolmentKey: enrolment.publicKey,
    inviteSeed: seed,
    certificate,
    peers,
    bootstrap
  }
}

/** Every invite that this home has given, by id. */
export async function listInvites(app: PublisherApp): Promise<InviteEntry[]> {
  return (await app.state.list(INVITE_PREFIX)).map(([, entry]) => entry as InviteEntry)
}

/** A branch as `branches` shows it: an invite, and the nodes that joined with it. */
export interface BranchLine {
  /** node key, hex; null: nobody has joined with the invite yet */
  id: string | null
  /** null: a node was revoked of which nothing else is known */
  invite: string | null
  name: string
  groups: string[]
  modules: string[]
  expires: string | null
  revoked: boolean
}

/** `branches`: everybody who was invited or heard of, and whoever is out again. */
export async function listBranches(app: PublisherApp): Promise<BranchLine[]> {
  const { revoked } = await app.fleet.view()
  await app.records.open()
  const invites = new Map((await listInvites(app)).map((entry) => [entry.id, entry]))
  const lines = [...heardLines(app, revoked, invites), ...(await revokedLines(app, invites))]
  const seen = new Set(lines.map(({ invite: id }) => id))
  for (const entry of invites.values()) {
    if (!seen.has(entry.id)) {
      lines.push({ ...lineOf(entry, null, Object.hasOwn(revoked.invites, entry.id)), invite: entry.id })
    }
  }
  return lines.sort((a, b) => (a.name < b.name ? -1 : a.name > b.name ? 1 : 0))
}

type Invites = ReadonlyMap<string, InviteEntry>

function heardLines(app: PublisherApp, revoked: RevokedFile, invites: Invites): BranchLine[] {
  const members = app.records.set.list('report').map(({ member }) => member)
  return members
    .filter(({ role }) => role === 'branch')
    .map((member) => ({
      id: member.node,
      invite: member.invite,
      name: member.name,
      groups: member.groups,
      modules: member.modules,
      expires: invites.get(member.invite)?.expires ?? null,
      revoked: isRevoked(revoked, member)
    }))
}

/** Nobody takes records of those who are out: who they were say their last reports, or else the list and the grants. */
async function revokedLines(app: PublisherApp, invites: Invites): Promise<BranchLine[]> {
  const { revoked, snapshot, trust } = await app.fleet.view()
  const enrolmentKeys = enrolmentKeysOf(trust.fleet)
  let granted: Map<string, string> | null = null
  const lines: BranchLine[] = []
  for (const [node, said] of Object.entries(revoked.nodes)) {
    if (app.records.set.get('report', node) !== undefined) continue
    const member = await formerMember(app, node, enrolmentKeys)
    let id = member?.invite ?? said.invite ?? null
    if (id === null) {
      // whoever forged the list did not say which invites the nodes had
      granted ??= await invitesByNode(snapshot, enrolmentKeys)
      id = granted.get(node) ?? null
    }
    const expires = invites.get(id ?? '')?.expires ?? null
    const unknown = { name: `(${(id ?? node).slice(0, 12)})`, groups: [], modules: [] }
    const { name, groups, modules } = invites.get(id ?? '') ?? member ?? unknown
    lines.push({ ...lineOf({ name, groups, modules, expires }, node, true), invite: id })
  }
  return lines
}

/** A node that is out, as its last report has it; null when none came in that any key of the fleet vouches for. */
async function formerMember(
  app: PublisherApp,
  node: string,
  enrolmentKeys: readonly Uint8Array[]
): Promise<VerifiedMember | null> {
  const membership = await app.records.lastMembership('report', node)
  if (membership === null) return null
  try {
    const fleetId = fromHex(app.fleet.id, 32) as Uint8Array
    return verifyMembership(membership, { fleetId, enrolmentKeys, revoked: NOBODY_REVOKED, now: null })
  } catch {
    return null
  }
}

function lineOf(
  { name, groups, modules, expires }: Pick<BranchLine, 'name' | 'groups' | 'modules' | 'expires'>,
  id: string | null,
  isOut: boolean
): Omit<BranchLine, 'invite'> {
  return { id, name, groups, modules, expires, revoked: isOut }
}

/** Who was invited, is not out again, and has not reported yet. */
export async function unheardBranches(app: PublisherApp): Promise<BranchLine[]> {
  return (await listBranches(app)).filter(({ id, revoked }) => id === null && !revoked)
}

/** Is the invite out, or this node of it? */
export function isRevoked(revoked: RevokedFile, member: { invite: string; node: string }): boolean {
  return Object.hasOwn(revoked.invites, member.invite) || Object.hasOwn(revoked.nodes, member.node)
}
