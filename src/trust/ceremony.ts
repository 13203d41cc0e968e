// Changes of who may sign: adding and removing signers, rotating keys that were lost or stolen, naming another feed. Each
// is an edit of a draft; the draft knows which roles have to be signed again and by whom.
import { ChasquiError } from '../errors.ts'
import { CHANNELS_ROLE, keyTable, type RoleSetup, roleKeys } from './author.ts'
import { fromHex, toHex } from './bytes.ts'
import type { FleetDraft } from './draft.ts'
import { keyId } from './keys.ts'

/** Roles whose keys root names. */
export type RootRole = 'root' | 'targets' | 'online'

/** Gives root, targets or the online roles other keys and another threshold. */
export function setRootSigners(draft: FleetDraft, role: RootRole, setup: RoleSetup): void {
  const names = role === 'online' ? (['snapshot', 'timestamp'] as const) : ([role] as const)
  draft.editRoot((root) => {
    Object.assign(root.keys, keyTable([setup]))
    for (const name of names) root.roles[name] = roleKeys(setup)
  })
  // the online role of channels.json hangs below targets
  if (role !== 'online') return
  const channels = draft.delegation(CHANNELS_ROLE)
  if (channels !== null) draft.delegate({ name: CHANNELS_ROLE, ...setup, paths: channels.paths })
}

/** Gives one module's role (or a team's pattern) other keys and another threshold. Throws ROLE_NAME. */
export function setReleaseSigners(draft: FleetDraft, role: string, setup: RoleSetup): void {
  const found = draft.delegation(role)
  if (found === null) {
    throw new ChasquiError('ROLE_NAME', `nothing is delegated to a role "${role}"`, {
      hint: 'see "publisher keys list" for the roles that there are'
    })
  }
  draft.delegate({ name: role, ...setup, paths: found.paths, terminating: found.terminating })
}

/** Puts one key in the place of another wherever it signs modules. The roles must be loaded (`rolesOfKey`). */
export function replaceReleaseKey(draft: FleetDraft, former: Uint8Array, next: Uint8Array): string[] {
  const roles = draft.rolesOfKey(keyId(former)).filter((role) => role !== CHANNELS_ROLE)
  for (const role of roles) {
    const keys = draft.keysOf(role).map((key) => (keyId(key) === keyId(former) ? next : key))
    setReleaseSigners(draft, role, { keys, threshold: draft.delegation(role)?.threshold ?? 1 })
  }
  return roles
}

/** Names another feed: the old one or its key is lost, stolen, or must be closed to those who were revoked. */
export function replaceFeed(draft: FleetDraft, feedKey: Uint8Array): number {
  const feed = draft.root['x-chasqui'].feed as { generation: number }
  const generation = feed.generation + 1
  draft.editRoot((root) => {
    root['x-chasqui'] = { ...root['x-chasqui'], feed: { key: toHex(feedKey), generation } }
  })
  return generation
}

/**
 * Another enrolment key. `keepFormer`: memberships that the former key signed stay good (it was lost, not stolen)
 * until they are renewed.
 */
export function replaceEnrolment(draft: FleetDraft, key: Uint8Array, keepFormer: boolean): void {
  draft.editRoot((root) => {
    const own = root['x-chasqui']
    const also = keepFormer ? [...((own.enrolmentAlso as string[] | undefined) ?? []), own.enrolment] : []
    root['x-chasqui'] = { ...own, enrolment: toHex(key), enrolmentAlso: also }
  })
}

/** Another key that reports are sealed to. What was sealed to the former one is read with that one only. */
export function replaceSealing(draft: FleetDraft, key: Uint8Array): void {
  draft.editRoot((root) => {
    root['x-chasqui'] = { ...root['x-chasqui'], sealing: toHex(key) }
  })
}

/** Every enrolment key that root accepts. */
export function enrolmentKeysOf(fleet: {
  enrolment: string
  enrolmentAlso?: string[] | undefined
}): Uint8Array[] {
  return [fleet.enrolment, ...(fleet.enrolmentAlso ?? [])].flatMap((text) => fromHex(text, 32) ?? [])
}
