// `grant BRANCH`: countersigns by hand. The daemon grants by itself whoever it hears of before the invite ends; this is for
// those who came later, and for an invite that is to leave the node that has it.
import { z } from 'zod'
import { ChasquiError } from '../src/errors.ts'
import { formatTime } from '../src/trust/bytes.ts'
import { cloned, type VerifiedMember } from '../src/trust/membership.ts'
import type { PublisherApp } from './app.ts'
import type { FleetView } from './fleet-keeper.ts'
import { branchMembers, firstOfFree, type Granted, grantFiles, ownerOf, putGrants } from './grants.ts'
import { listBranches } from './members.ts'
import { putRevoked } from './revoke.ts'

const grantArgs = z.strictObject({
  /** name or node key */
  branch: z.string().min(1),
  /** the invite leaves the node that has it now, which is out from then on */
  replace: z.boolean().default(false)
})

/**
 * `grant BRANCH`: by hand, also when the invite has ended meanwhile. Throws BRANCH_NOT_FOUND, BRANCH_AMBIGUOUS,
 * MEMBER_REVOKED, MEMBER_CLONED.
 */
export async function grantBranch(app: PublisherApp, raw: unknown): Promise<Granted[]> {
  const { branch, replace } = grantArgs.parse(raw)
  await app.records.open()
  const view = await app.fleet.view()
  const members = branchMembers(app).filter(({ name, node }) => name === branch || node === branch)
  const [first, ...others] = members
  if (first === undefined) await refuseUnknown(app, branch)
  const free = await firstOfFree(
    app,
    members.filter(({ granted }) => !granted)
  )
  if (free.length > 0) return putGrants(app, free)
  if (!replace) return requireOwners(view, members)
  if (first === undefined || others.length > 0) throw ambiguous(branch, members)
  return replaceOwner(app, first)
}

async function refuseUnknown(app: PublisherApp, branch: string): Promise<never> {
  const out = (await listBranches(app)).find(
    ({ id, name, revoked }) => revoked && (id === branch || name === branch)
  )
  if (out !== undefined) {
    throw new ChasquiError('MEMBER_REVOKED', `${out.name} was revoked`, { hint: 'give it a new invite' })
  }
  throw new ChasquiError('BRANCH_NOT_FOUND', `there is no report of a branch ${branch}`, {
    hint: 'see "chasqui publisher branches" for names and ids'
  })
}

function ambiguous(branch: string, members: readonly VerifiedMember[]): ChasquiError {
  const nodes = members.map(({ node }) => node).join(', ')
  return new ChasquiError('BRANCH_AMBIGUOUS', `${members.length} nodes are called ${branch}`, {
    hint: `name the one that is to have the invite: ${nodes}`
  })
}

/** Nothing is to be granted when one of them has the invite; else they are clones. Throws MEMBER_CLONED. */
async function requireOwners(view: FleetView, members: readonly VerifiedMember[]): Promise<Granted[]> {
  const owners = await Promise.all(members.map(({ invite }) => ownerOf(view, invite)))
  const [clone] = members
  if (clone === undefined || members.some(({ node }, i) => owners[i] === node)) return []
  throw cloned(clone.name)
}

/** The invite changes hands: the node that had it is out, in the same step. */
async function replaceOwner(app: PublisherApp, member: VerifiedMember): Promise<Granted[]> {
  const view = await app.fleet.view()
  const former = await ownerOf(view, member.invite)
  if (former === null || former === member.node) return []
  const one = { name: member.name, node: member.node, invite: member.invite }
  const out = { [former]: { at: formatTime(app.now()), invite: member.invite } }
  const nodes = { ...out, ...view.revoked.nodes }
  await putRevoked(app, { ...view.revoked, nodes }, await grantFiles(app, [one]))
  return [one]
}
