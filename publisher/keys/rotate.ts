// `keys rotate`: a key that was lost or stolen is replaced everywhere, as one step. A ceremony that was cut goes on with
// the same new key when it is run again.
import { z } from 'zod'
import { parseArguments } from '../../src/control/arguments.ts'
import { ChasquiError } from '../../src/errors.ts'
import { fromHex, toHex } from '../../src/trust/bytes.ts'
import {
  replaceEnrolment,
  replaceReleaseKey,
  replaceSealing,
  setRootSigners
} from '../../src/trust/ceremony.ts'
import type { FleetDraft } from '../../src/trust/draft.ts'
import type { KeyRole, OpenKey } from '../../src/trust/key-file.ts'
import { keyId } from '../../src/trust/keys.ts'
import type { PublisherApp } from '../app.ts'
import { loadMember, saveMembership } from '../member.ts'
import {
  finishChange,
  nextKey,
  openDraft,
  publicKeyOf,
  replaceKey,
  settleKey,
  signerOfKey,
  signersOfRole,
  waitingKeys
} from './change.ts'
import { groundOf } from './ground.ts'
import type { Waiting } from './leave-request.ts'

const ROTATED = ['root', 'targets', 'release', 'online', 'enrolment', 'sealing'] as const
type Rotated = (typeof ROTATED)[number]

const rotateArgs = z.strictObject({
  role: z.enum(ROTATED),
  /** key id or public key of the one to replace, hex; needed when the role has several */
  key: z.string().optional(),
  /** enrolment only: what the former key signed no longer counts */
  stolen: z.boolean().default(false),
  passphrase: z.string().optional()
})

export interface RotatedKey {
  role: Rotated
  /** public keys, hex */
  former: string
  key: string
  /** version of root after it */
  root: number
  /** more people have to sign this file first; then run the command again */
  request?: string
  missing?: Waiting['missing']
}

/** `keys rotate ROLE`. */
export async function rotateKey(app: PublisherApp, raw: unknown): Promise<RotatedKey> {
  const args = parseArguments(rotateArgs, raw)
  const former = await formerKey(app, args.role, args.key)
  const next = await nextKey(app, args.role, args.passphrase)
  const draft = await openDraft(app)
  const roles = await edit(app, draft, args, former, next)
  const more = signs(next) ? [signerOfKey(next)] : []
  const keys = { roles: roles ?? [], passphrase: args.passphrase, more }
  const waiting = roles === null ? null : await finishChange(app, draft, keys)
  const version = async () => (await groundOf(app)).set.root.signed.version
  const done = { role: args.role, former, key: next.public }
  // signed by everybody and published, the same command settles it
  if (waiting !== null) return { ...done, root: await version(), ...waiting }
  await settleKey(app, args.role, former)
  if (args.role === 'enrolment') await renewMembership(app, next)
  return { ...done, root: await version() }
}

const signs = ({ role }: OpenKey) => role !== 'enrolment' && role !== 'sealing'

/** The edit, and the keys that have to sign it; null when an earlier attempt got that far. */
async function edit(
  app: PublisherApp,
  draft: FleetDraft,
  { role, stolen }: z.infer<typeof rotateArgs>,
  former: string,
  next: OpenKey
): Promise<KeyRole[] | null> {
  const key = publicKeyOf(next.public)
  if (role === 'enrolment') {
    if (draft.root['x-chasqui'].enrolment === next.public) return null
    replaceEnrolment(draft, key, !stolen)
    return ['root', 'online']
  }
  if (role === 'sealing') {
    if (draft.root['x-chasqui'].sealing === next.public) return null
    replaceSealing(draft, key)
    return ['root', 'online']
  }
  if (role === 'release') {
    const changed = replaceReleaseKey(draft, publicKeyOf(former), key)
    return changed.length === 0 ? null : ['targets', 'release', 'online']
  }
  const setup = await signersOfRole(app, role)
  if (setup.keys.some((each) => toHex(each) === next.public)) return null
  setRootSigners(draft, role, replaceKey(setup, keyId(publicKeyOf(former)), key))
  if (role === 'online') return ['root', 'targets']
  return role === 'root' ? ['root', 'online'] : ['root', 'targets', 'online']
}

/** The key to replace: the named one, or the only one of its role. */
async function formerKey(app: PublisherApp, role: Rotated, named: string | undefined): Promise<string> {
  if (role === 'enrolment' || role === 'sealing') {
    const here = (await app.keys.list()).find((file) => file.role === role)
    return here?.public ?? (await groundOf(app)).fleet[role]
  }
  const here = (await app.keys.list()).filter((file) => file.role === role).map((file) => file.public)
  const trusted = role === 'release' ? [] : (await signersOfRole(app, role)).keys.map(toHex)
  // the new key of a rotation that was begun is not one to replace
  const waiting = await waitingKeys(app, role)
  const all = [...new Set([...here, ...trusted])].filter((key) => !waiting.includes(key))
  const fits = (key: string) => key === named || keyId(publicKeyOf(key)) === named
  const found = named === undefined ? all : all.filter(fits)
  if (named !== undefined && found.length === 0 && fromHex(named, 32) !== null) return named
  if (found.length === 1 && found[0] !== undefined) return found[0]
  throw new ChasquiError('USAGE', `which of the ${all.length} ${role} keys is to be replaced?`, {
    hint: `name it with --key: ${all.map((key) => key.slice(0, 16)).join(', ')}… (see "publisher keys list")`
  })
}

/** The publisher's own membership is signed by the enrolment key too. */
async function renewMembership(app: PublisherApp, enrolment: OpenKey): Promise<void> {
  const node = await app.keys.openOne('node')
  const fleetId = fromHex(app.fleet.id, 32) as Uint8Array
  const { name } = app.identity
  await saveMembership(app.paths, { fleetId, name, enrolment, node, now: app.now(), random: app.random })
  Object.assign(app.member, await loadMember(app.paths, app.keys))
}
