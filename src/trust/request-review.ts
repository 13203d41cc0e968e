// What a signature on a request would say yes to, and the only way to one: a review is made from the bytes that are to be
// signed and from verified metadata, never from what the request says about itself. Pure.
import { ChasquiError } from '../errors.ts'
import { FleetDraft } from './draft.ts'
import {
  addSignatures,
  decodeEnvelope,
  type RootPart,
  type TargetsPart,
  validSignatures
} from './envelope.ts'
import type { Signer, TufKey } from './keys.ts'
import { type KnownFleet, verifyBase } from './request-base.ts'
import {
  delegationChanges,
  type FactChange,
  isOrderKept,
  rootChanges,
  type SignersChange,
  type TargetChange,
  targetChanges
} from './request-changes.ts'
import {
  keysIn,
  requireDelegated,
  requireListed,
  requireNext,
  requirePaths,
  requireReadable,
  requireShown
} from './request-checks.ts'
import type { ChangedPart } from './request-parts.ts'
import { invalidRequest, type SigningRequest } from './signing-request.ts'
import { fleetOfRoot } from './trust.ts'

export interface RoleReview {
  role: string
  version: number
  /** 0: the role has published nothing yet */
  former: number
  expires: string
  /** who must sign, and who of them has; two sets for root: the former and its own. Key ids, hex */
  signers: { keys: string[]; threshold: number; have: string[] }[]
  targets: TargetChange[]
  delegations: SignersChange[]
  facts: FactChange[]
}

export interface Review {
  /** the request, with right signatures only */
  request: SigningRequest
  /** hex */
  fleet: string
  fleetName: string
  /** version of the root that says who may sign */
  root: number
  roles: RoleReview[]
}

/** Roles that only list releases: what a release key is for. Every other role says who may do what. */
export function isReleaseRole(role: string): boolean {
  return /^[mt]\./.test(role)
}

/** Throws FLEET_MISMATCH, REQUEST_INVALID, REQUEST_OUTDATED. */
export function reviewRequest(request: SigningRequest, known: KnownFleet): Review {
  const base = verifyBase(request, known)
  const draft = new FleetDraft(base, 0, { clockIsRight: true })
  for (const entry of request.roles) {
    requireReadable(entry)
    draft.addEnvelope(entry.role, entry.envelope)
  }
  const former = (role: string): ChangedPart | null => {
    if (role === 'root') return decodeEnvelope<RootPart>(base.root).signed
    const bytes = role === 'targets' ? base.targets : base.roles.get(role)
    return bytes === undefined ? null : decodeEnvelope<TargetsPart>(bytes).signed
  }
  const keys = keysIn([
    former('root'),
    former('targets'),
    ...request.roles.map((each) => each.envelope.signed)
  ])
  const roles = request.roles.map((entry) => {
    const before = former(entry.role)
    const { version } = entry.envelope.signed
    requireNext(draft, entry.role, before?.version ?? 0, version, base.snapshot !== undefined)
    requireDelegated(draft, entry.role, request.base.targets)
    const signers = signersOf(draft, entry, keys)
    const changes = changesOf(entry, before, request.files)
    requirePaths(draft, entry.role, changes.targets)
    const { expires } = entry.envelope.signed
    return { role: entry.role, version, former: before?.version ?? 0, expires, signers, ...changes }
  })
  const { fleetName } = fleetOfRoot(base.root)
  const root = former('root')?.version ?? 0
  requireListed(
    request,
    roles.flatMap(({ targets }) => targets)
  )
  return { request: withRightSignatures(request, keys), fleet: known.fleetId, fleetName, root, roles }
}

type Entry = SigningRequest['roles'][number]
type Keys = Record<string, TufKey>

function signersOf(draft: FleetDraft, { role, envelope }: Entry, keys: Keys): RoleReview['signers'] {
  return draft.signersOf(role).map(({ keyids, threshold }) => ({
    keys: keyids,
    threshold,
    have: validSignatures(envelope, keyids, keys)
  }))
}

type Changes = Pick<RoleReview, 'targets' | 'delegations' | 'facts'>

function changesOf(
  { role, envelope: { signed } }: Entry,
  before: ChangedPart | null,
  files: Record<string, string>
): Changes {
  if (signed._type === 'root') {
    if (before?._type !== 'root') throw new TypeError('a root before this one')
    const { signers, facts } = rootChanges(before, signed)
    return { targets: [], delegations: signers, facts }
  }
  const next = signed
  const last = before?._type === 'targets' ? before : null
  if (role !== 'targets' && next.delegations !== undefined)
    throw invalidRequest(`${role} cannot delegate to others`)
  const targets = targetChanges(last, next)
  for (const change of targets) requireShown(change, files)
  if (role !== 'targets' || last === null) return { targets, delegations: [], facts: [] }
  if (!isOrderKept(last, next)) throw invalidRequest('it changes the order of the delegations')
  return { targets, delegations: delegationChanges(last, next), facts: [] }
}

/** Wrong ones would stand in the way of the right ones: a file has one signature of a key. */
function withRightSignatures(request: SigningRequest, keys: Keys): SigningRequest {
  const roles = request.roles.map(({ role, envelope: { signed, signatures } }) => {
    const isRight = (signature: (typeof signatures)[number]) =>
      validSignatures({ signatures: [signature], signed }, [signature.keyid], keys).length > 0
    const right = new Map(signatures.filter(isRight).map((signature) => [signature.keyid, signature]))
    return { role, envelope: { signatures: [...right.values()], signed } }
  })
  return { ...request, roles }
}

/** Which roles still lack signatures. */
export function missingIn({ roles }: Review): { role: string; have: number; need: number }[] {
  return roles.flatMap(({ role, signers }) =>
    signers.flatMap(({ threshold, have }) =>
      have.length >= threshold ? [] : [{ role, have: have.length, need: threshold }]
    )
  )
}

/** In one line, for people. */
export function titleOf({ roles }: Pick<Review, 'roles'>): string {
  return roles
    .flatMap(({ role, version, targets }) => {
      const releases = targets.filter(({ change }) => change !== 'removed').map(({ path }) => path.split('/'))
      const names = releases.flatMap(([folder, module, , number]) =>
        folder === 'releases' ? [`${module} ${number}`] : []
      )
      return names.length > 0 ? names : [`${role} version ${version}`]
    })
    .join(', ')
}

/** Roles that a key is asked to sign and has not signed. */
export function rolesFor({ roles }: Review, keyid: string): string[] {
  return roles
    .filter(({ signers }) => signers.some(({ keys, have }) => keys.includes(keyid) && !have.includes(keyid)))
    .map(({ role }) => role)
}

/**
 * Signs what these keys are asked for: roles of releases, and those others that `named` names.
 * Throws KEY_MISSING when no key is asked, ROLE_NOT_NAMED when only for roles that were not named.
 */
export function signRequest(
  review: Review,
  keys: readonly Signer[],
  named: readonly string[] = []
): SigningRequest {
  const asked = [...new Set(keys.flatMap(({ keyid }) => rolesFor(review, keyid)))]
  const signed = asked.filter((role) => isReleaseRole(role) || named.includes(role))
  if (asked.length === 0) {
    throw new ChasquiError('KEY_MISSING', 'none of the keys here is asked to sign this request', {
      hint: 'use the home or the key file that holds one of the keys that it waits for'
    })
  }
  if (signed.length === 0) {
    throw new ChasquiError(
      'ROLE_NOT_NAMED',
      `this would change who may do what: it asks for ${asked.join(' and ')}`,
      {
        hint: `look at it with --dry-run; when it is right, add --role ${asked.join(' ')}`
      }
    )
  }
  const roles = review.request.roles.map((entry, i) => {
    if (!signed.includes(entry.role)) return entry
    const ids = review.roles[i]?.signers.flatMap((set) => set.keys) ?? []
    const envelope = addSignatures(entry.envelope, ids, keys)
    return { ...entry, envelope }
  })
  return { ...review.request, roles }
}
