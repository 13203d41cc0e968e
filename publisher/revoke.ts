// `revoke` takes a branch out of the fleet: its invite and its nodes, or one node that cloned the invite of another.
// `readmit` takes entries off the list again; branches follow when root has replaced the online key (decision 0210).
import { z } from 'zod'
import { parseArguments } from '../src/control/arguments.ts'
import { ChasquiError } from '../src/errors.ts'
import { encodeRevoked, REVOKED_PATH, type RevokedFile } from '../src/fleet/revoked.ts'
import { CHANNELS_ROLE, setOnlineTargets } from '../src/trust/author.ts'
import { formatTime } from '../src/trust/bytes.ts'
import { currentOf } from '../src/trust/current.ts'
import type { PublisherApp } from './app.ts'
import { commit } from './commit.ts'
import { ownerOf } from './grants.ts'
import { type BranchLine, listBranches } from './members.ts'
import { openSigners } from './signing.ts'

const revokeArgs = z.strictObject({
  /** name, node key or invite id */
  branch: z.string().min(1),
  /** every invite of that name */
  all: z.boolean().default(false),
  dryRun: z.boolean().default(false)
})
const readmitArgs = z.strictObject({
  branches: z.array(z.string().min(1)).max(10_000).default([]),
  /** ms since the epoch: also whatever was revoked from then on, as the list has it */
  since: z.int().nonnegative().optional()
})

export interface RevokedBranch {
  name: string
  /** ids, hex */
  invites: string[]
  nodes: string[]
}

/** No member serves them from the moment it hears of it. Throws BRANCH_NOT_FOUND, BRANCH_AMBIGUOUS. */
export async function revoke(app: PublisherApp, raw: unknown): Promise<RevokedBranch> {
  const { branch, all, dryRun } = parseArguments(revokeArgs, raw)
  const lines = findLines(await listBranches(app), branch, all)
  const isClone = await isCloneOfAnother(app, lines, branch)
  const out = isClone ? lines.filter(({ id }) => id === branch) : lines
  const invites = isClone ? [] : [...new Set(lines.flatMap((line) => line.invite ?? []))]
  if (!dryRun) await putOut(app, invites, out)
  return { name: lines[0]?.name ?? branch, invites, nodes: out.flatMap(({ id }) => id ?? []) }
}

/** The lines that are meant: all nodes of one invite, or of several when that was asked for. */
function findLines(lines: readonly BranchLine[], branch: string, all: boolean): BranchLine[] {
  const named = lines.filter(({ id, invite, name }) => [id, invite, name].includes(branch))
  const live = named.filter(({ revoked }) => !revoked)
  const meant = live.length > 0 ? live : named
  const invites = [...new Set(meant.map(({ invite }) => invite))]
  if (invites.length === 0) {
    throw new ChasquiError('BRANCH_NOT_FOUND', `there is no branch ${branch}`, {
      hint: 'see "chasqui publisher branches" for names and ids'
    })
  }
  if (invites.length > 1 && !all) {
    const ids = meant.map(({ id, invite }) => `${id === null ? 'invite' : `node ${id}, invite`} ${invite}`)
    throw new ChasquiError('BRANCH_AMBIGUOUS', `${invites.length} invites are for ${branch}`, {
      hint: `name one by its id, or all of them with --all: ${ids.join('; ')}`
    })
  }
  return lines.filter(({ id, invite }) => invites.includes(invite) && (invite !== null || id === branch))
}

/** A node that was named by its key goes alone when its invite belongs to another node. */
async function isCloneOfAnother(
  app: PublisherApp,
  lines: readonly BranchLine[],
  branch: string
): Promise<boolean> {
  const clone = lines.find(({ id }) => id === branch)
  if (clone === undefined || clone.invite === null) return false
  const owner = await ownerOf(await app.fleet.view(), clone.invite)
  return owner !== null && owner !== branch
}

async function putOut(app: PublisherApp, invites: string[], lines: readonly BranchLine[]): Promise<void> {
  const { revoked } = await app.fleet.view()
  const at = formatTime(app.now())
  const nodes = lines.flatMap(({ id, invite }) =>
    id === null ? [] : [[id, { at, ...(invite === null ? {} : { invite }) }] as const]
  )
  await putRevoked(app, {
    schema: 1,
    invites: { ...Object.fromEntries(invites.map((id) => [id, { at }])), ...revoked.invites },
    nodes: { ...Object.fromEntries(nodes), ...revoked.nodes }
  })
}

/** `readmit`: entries leave the list. Says how many, and whether branches have to see another online key first. */
export async function readmit(
  app: PublisherApp,
  raw: unknown
): Promise<{ invites: string[]; nodes: string[] }> {
  const { branches, since } = parseArguments(readmitArgs, raw)
  const { revoked } = await app.fleet.view()
  const lines = await listBranches(app)
  const named = lines.filter(({ id, invite, name }) =>
    branches.some((branch) => [id, invite, name].includes(branch))
  )
  const ids = new Set([...branches, ...named.flatMap(({ id, invite }) => [id ?? [], invite ?? []].flat())])
  const isBack = ([id, { at }]: [string, { at: string }]) =>
    ids.has(id) || (since !== undefined && Date.parse(at) >= since)
  const back = (entries: RevokedFile['nodes']) => Object.fromEntries(Object.entries(entries).filter(isBack))
  const stay = (entries: RevokedFile['nodes']) =>
    Object.fromEntries(Object.entries(entries).filter((entry) => !isBack(entry)))
  const invites = Object.keys(back(revoked.invites))
  const nodes = Object.keys(back(revoked.nodes))
  if (invites.length + nodes.length === 0) {
    throw new ChasquiError('BRANCH_NOT_FOUND', 'nobody who was meant is revoked', {
      hint: 'see "chasqui publisher branches" for names and ids'
    })
  }
  await putRevoked(app, { schema: 1, invites: stay(revoked.invites), nodes: stay(revoked.nodes) })
  return { invites, nodes }
}

/** Signs and publishes the list; `files` go with it. */
export async function putRevoked(
  app: PublisherApp,
  file: RevokedFile,
  files: { path: string; bytes: Uint8Array }[] = []
): Promise<void> {
  const { trust } = await app.fleet.view()
  const bytes = encodeRevoked(file)
  const signers = await openSigners(app, ['online'], undefined)
  const current = await currentOf(trust, [CHANNELS_ROLE])
  const publication = setOnlineTargets(current, new Map([[REVOKED_PATH, bytes]]), signers, app.now())
  await commit(app, publication, [{ path: `/${REVOKED_PATH}`, bytes }, ...files])
}
