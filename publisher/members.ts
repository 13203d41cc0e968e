// Who belongs to the fleet: invites that were given, branches that were heard of, and who is out again.
import { z } from 'zod'
import { ChasquiError } from '../src/errors.ts'
import { encodeRevoked, REVOKED_PATH, type RevokedFile } from '../src/fleet/revoked.ts'
import { CHANNELS_ROLE, setOnlineTargets } from '../src/trust/author.ts'
import { formatTime, fromHex, toHex } from '../src/trust/bytes.ts'
import { signCertificate } from '../src/trust/certificate.ts'
import { currentOf } from '../src/trust/current.ts'
import { encodeInvite, encodeInviteWithPin, type Invite } from '../src/trust/invite.ts'
import { keyPairOf } from '../src/trust/keys.ts'
import type { PublisherApp } from './app.ts'
import { commit } from './commit.ts'
import { openSigners } from './signing.ts'

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
const revokeArgs = z.strictObject({ branch: z.string().min(1) })

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

/** `invite`: a branch may join. The invite itself is shown once and not kept. */
export async function invite(
  app: PublisherApp,
  raw: unknown
): Promise<{ invite: string; name: string; id: string }> {
  const args = parse(inviteArgs, raw)
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
  await app.state.put({ [INVITE_PREFIX + entry.id]: entry })
  return { invite: text, name: entry.name, id: entry.id }
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

export async function listInvites(app: PublisherApp): Promise<InviteEntry[]> {
  return (await app.state.list(INVITE_PREFIX)).map(([, entry]) => entry as InviteEntry)
}

/** A branch as `branches` shows it: an invite, and the nodes that joined with it. */
export interface BranchLine {
  /** node key, hex; null: nobody has joined with the invite yet */
  id: string | null
  invite: string
  name: string
  groups: string[]
  modules: string[]
  expires: string | null
  revoked: boolean
}

/** `branches`: everybody who was invited or heard of. */
export async function listBranches(app: PublisherApp): Promise<BranchLine[]> {
  const { revoked } = await app.fleet.view()
  await app.records.open()
  const invites = await listInvites(app)
  const lines: BranchLine[] = []
  const heard = new Set<string>()
  for (const { member } of app.records.set.list('report')) {
    if (member.role !== 'branch') continue
    heard.add(member.invite)
    const entry = invites.find(({ id }) => id === member.invite)
    lines.push({
      id: member.node,
      invite: member.invite,
      name: member.name,
      groups: member.groups,
      modules: member.modules,
      expires: entry?.expires ?? null,
      revoked: isRevoked(revoked, member)
    })
  }
  for (const { id, name, groups, modules, expires } of invites.filter(({ id }) => !heard.has(id))) {
    lines.push({
      id: null,
      invite: id,
      name,
      groups,
      modules,
      expires,
      revoked: Object.hasOwn(revoked.invites, id)
    })
  }
  return lines.sort((a, b) => (a.name < b.name ? -1 : a.name > b.name ? 1 : 0))
}

export function isRevoked(revoked: RevokedFile, member: { invite: string; node: string }): boolean {
  return Object.hasOwn(revoked.invites, member.invite) || Object.hasOwn(revoked.nodes, member.node)
}

/** `revoke`: invite and nodes of a branch are out; no member serves them from the moment it hears of it. */
export async function revoke(
  app: PublisherApp,
  raw: unknown
): Promise<{ name: string; invites: string[]; nodes: string[] }> {
  const { branch } = parse(revokeArgs, raw)
  const lines = (await listBranches(app)).filter(({ id, invite: from, name }) =>
    [id, from, name].includes(branch)
  )
  if (lines.length === 0) {
    throw new ChasquiError('BRANCH_NOT_FOUND', `there is no branch ${branch}`, {
      hint: 'see "chasqui publisher branches" for names and ids'
    })
  }
  const view = await app.fleet.view()
  const at = { at: formatTime(app.now()) }
  const invites = [...new Set(lines.map((line) => line.invite))]
  const nodes = lines.flatMap(({ id }) => id ?? [])
  const file: RevokedFile = {
    schema: 1,
    invites: { ...Object.fromEntries(invites.map((id) => [id, at])), ...view.revoked.invites },
    nodes: { ...Object.fromEntries(nodes.map((id) => [id, at])), ...view.revoked.nodes }
  }
  const bytes = encodeRevoked(file)
  const signers = await openSigners(app, ['online'], undefined)
  const current = await currentOf(view.trust, [CHANNELS_ROLE])
  const publication = setOnlineTargets(current, new Map([[REVOKED_PATH, bytes]]), signers, app.now())
  await commit(app, publication, [{ path: `/${REVOKED_PATH}`, bytes }])
  return { name: lines[0]?.name ?? branch, invites, nodes }
}

function parse<T>(schema: z.ZodType<T>, raw: unknown): T {
  const parsed = schema.safeParse(raw)
  if (parsed.success) return parsed.data
  throw new ChasquiError('USAGE', z.prettifyError(parsed.error).slice(0, 300), { hint: 'add --help' })
}
