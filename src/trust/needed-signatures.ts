// Who must sign a role of a change, and whose signatures it still lacks. Plain data in and out.
import { ChasquiError } from '../errors.ts'
import { delegationOf } from './delegations.ts'
import { type Envelope, type RoleKeys, type RootPart, type TargetsPart, validSignatures } from './envelope.ts'

export interface MissingSignatures {
  role: string
  have: number
  need: number
  /** ids of the keys that could still sign */
  keyids: string[]
}

/** A set of keys of which a threshold must sign, with the public keys by id. */
export type RoleSigners = RoleKeys & { keys: RootPart['keys'] }

/** What a change begins from, and what it would leave. */
export interface Signing {
  formerRoot: RootPart
  root: RootPart
  targets: TargetsPart
}

/** Root is signed by its former keys and by its new ones (TUF 5.3.4); everything else by one set. Throws ROLE_NAME. */
export function signersOf(role: string, { formerRoot, root, targets }: Signing): RoleSigners[] {
  const { keys } = root
  if (role === 'root') {
    const former = { ...formerRoot.roles.root, keys: formerRoot.keys }
    const isSame = sameKeys(former, root.roles.root)
    return isSame ? [former] : [former, { ...root.roles.root, keys }]
  }
  if (role === 'targets') return [{ ...root.roles.targets, keys }]
  const found = delegationOf(targets, role)
  if (found === null) throw new ChasquiError('ROLE_NAME', `there is no role ${role}`)
  return [{ ...found, keys: targets.delegations?.keys ?? {} }]
}

/** One for each set of signers that is short of its threshold; only right signatures count. */
export function missingSignatures(
  role: string,
  envelope: Envelope<RootPart | TargetsPart>,
  signers: readonly RoleSigners[]
): MissingSignatures[] {
  return signers.flatMap(({ keyids, threshold, keys }) => {
    const have = validSignatures(envelope, keyids, keys)
    const open = keyids.filter((id) => !have.includes(id))
    return have.length >= threshold ? [] : [{ role, have: have.length, need: threshold, keyids: open }]
  })
}

/** Is it the same keys, and as many of them? */
export function sameKeys(a: RoleKeys, b: RoleKeys): boolean {
  return a.threshold === b.threshold && [...a.keyids].sort().join() === [...b.keyids].sort().join()
}
