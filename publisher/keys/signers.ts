// `keys signers` and `delegate`: who may sign a role, how many of them must, and which names another team may release.
import { z } from 'zod'
import { parseArguments } from '../../src/control/arguments.ts'
import { ChasquiError } from '../../src/errors.ts'
import { delegatePattern, moduleRole, patternPath, type RoleSetup } from '../../src/trust/author.ts'
import { toHex } from '../../src/trust/bytes.ts'
import { setReleaseSigners, setRootSigners } from '../../src/trust/ceremony.ts'
import type { KeyRole } from '../../src/trust/key-file.ts'
import { keyId } from '../../src/trust/keys.ts'
import type { PublisherApp } from '../app.ts'
import { finishChange, openDraft, publicKeyOf, signersOfRole } from './change.ts'
import { groundOf } from './ground.ts'
import type { Waiting } from './leave-request.ts'
import type { RoleLine } from './list.ts'

const signersArgs = z.strictObject({
  /** root, targets, online, a module, or a role as `keys list` names it */
  role: z.string().min(1),
  /** public keys, hex */
  add: z.array(z.string()).default([]),
  /** public keys or key ids, hex */
  remove: z.array(z.string()).default([]),
  threshold: z.int().min(1).optional(),
  passphrase: z.string().optional()
})

const delegateArgs = z.strictObject({
  pattern: z.string().min(1),
  keys: z.array(z.string()).min(1),
  /** default: the pattern without its wildcards */
  team: z.string().min(1).optional(),
  threshold: z.int().min(1).default(1),
  passphrase: z.string().optional()
})

/** `keys signers ROLE`: adds and removes signers, sets the threshold. */
export async function changeSigners(app: PublisherApp, raw: unknown): Promise<RoleLine & Partial<Waiting>> {
  const args = parseArguments(signersArgs, raw)
  const role = await nameOf(app, args.role)
  const next = changed(await signersOfRole(app, role), args)
  const draft = await openDraft(app)
  if (role === 'root' || role === 'targets' || role === 'online') setRootSigners(draft, role, next)
  else setReleaseSigners(draft, role, next)
  const waiting = await finishChange(app, draft, { roles: keysFor(role), passphrase: args.passphrase })
  return { role, keys: next.keys.map(keyId), threshold: next.threshold, ...waiting }
}

/** `delegate PATTERN KEY`: another team may release modules whose names fit. */
export async function delegate(
  app: PublisherApp,
  raw: unknown
): Promise<RoleLine & { pattern: string } & Partial<Waiting>> {
  const args = parseArguments(delegateArgs, raw)
  const team = args.team ?? teamOf(args.pattern)
  const draft = await openDraft(app)
  const before = draft.delegation(`t.${team}`)?.paths[0]
  if (args.team === undefined && before !== undefined && before !== patternPath(args.pattern)) {
    throw new ChasquiError('USAGE', `there is a team ${team} already, for ${before.split('/')[1]}`, {
      hint: 'name the team with --team: the same name gives that team this pattern instead'
    })
  }
  const setup = { keys: args.keys.map(publicKeyOf), threshold: args.threshold }
  const role = delegatePattern(draft, team, args.pattern, setup)
  const waiting = await finishChange(app, draft, { roles: keysFor(role), passphrase: args.passphrase })
  return { role, keys: setup.keys.map(keyId), threshold: setup.threshold, pattern: args.pattern, ...waiting }
}

const endArgs = z.strictObject({ team: z.string().min(1), passphrase: z.string().optional() })

export interface EndedDelegation {
  role: string
  ended: true
}

/** `delegate --end TEAM`: what the team has released no longer counts. Throws ROLE_NAME. */
export async function endDelegation(
  app: PublisherApp,
  raw: unknown
): Promise<EndedDelegation & Partial<Waiting>> {
  const { team, passphrase } = parseArguments(endArgs, raw)
  const role = `t.${team}`
  const draft = await openDraft(app)
  if (draft.delegation(role) === null) {
    throw new ChasquiError('ROLE_NAME', `nothing is delegated to a team ${team}`, {
      hint: 'see "publisher keys list": the roles that begin with t. are teams'
    })
  }
  draft.removeDelegation(role)
  const waiting = await finishChange(app, draft, { roles: ['targets', 'online'], passphrase })
  return { role, ended: true, ...waiting }
}

/** `pos_*` is released by the team `pos`. */
function teamOf(pattern: string): string {
  const bare = pattern.replace(/[*?]+/g, '').replace(/[_.-]+$/, '')
  return bare === '' ? 'all' : bare
}

function keysFor(role: string): KeyRole[] {
  return role === 'root' || role === 'targets' || role === 'online'
    ? ['root', 'targets', 'online']
    : ['targets', 'release', 'online']
}

async function nameOf(app: PublisherApp, role: string): Promise<string> {
  const { set } = await groundOf(app)
  const isModule = set.targets?.delegations?.byName.has(moduleRole(role)) ?? false
  return isModule ? moduleRole(role) : role
}

function changed(now: RoleSetup, { add, remove, threshold }: z.infer<typeof signersArgs>): RoleSetup {
  const isOut = (key: Uint8Array) => remove.includes(toHex(key)) || remove.includes(keyId(key))
  const kept = now.keys.filter((key) => !isOut(key))
  if (kept.length + remove.length !== now.keys.length) {
    throw new ChasquiError('USAGE', 'a key that is to be removed does not sign this role', {
      hint: 'see "publisher keys list"'
    })
  }
  const known = new Set(kept.map(toHex))
  const added = add.map(publicKeyOf).filter((key) => !known.has(toHex(key)))
  return { keys: [...kept, ...added], threshold: threshold ?? now.threshold }
}
