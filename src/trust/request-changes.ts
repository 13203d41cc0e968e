// What a change of metadata comes to, role by role: targets that are listed, replaced or taken out, roles that get other
// signers, facts about the fleet that root states. Computed from the two versions and from nothing else.
import { canonicalBytes, equalBytes } from './bytes.ts'
import type { DelegationEntry, RoleKeys, RootPart, TargetEntry, TargetsPart } from './envelope.ts'
import type { TufKey } from './keys.ts'

export interface TargetChange {
  path: string
  change: 'added' | 'replaced' | 'removed'
  /** bytes and hex; null: removed */
  length: number | null
  sha256: string | null
}

/** Who signs a role; `keys` are public keys, hex. */
export interface Signers {
  keys: { id: string; public: string }[]
  threshold: number
  /** target paths that a delegated role may list */
  paths?: string[]
  terminating?: boolean
}

export interface SignersChange {
  role: string
  /** null: the role is new */
  former: Signers | null
  /** null: the delegation ends */
  next: Signers | null
}

/** A field of `x-chasqui` in root. */
export interface FactChange {
  name: string
  former: unknown
  next: unknown
}

export function targetChanges(former: TargetsPart | null, next: TargetsPart): TargetChange[] {
  const before = new Map(Object.entries(former?.targets ?? {}))
  const after = new Map(Object.entries(next.targets))
  const names = [...new Set([...before.keys(), ...after.keys()])].sort()
  return names.flatMap((path) => targetChange(path, before.get(path), after.get(path)) ?? [])
}

function targetChange(
  path: string,
  former: TargetEntry | undefined,
  next: TargetEntry | undefined
): TargetChange | null {
  if (next === undefined) return { path, change: 'removed', length: null, sha256: null }
  if (isSame(former, next)) return null
  const change = former === undefined ? 'added' : 'replaced'
  return { path, change, length: next.length, sha256: next.hashes.sha256 }
}

export function delegationChanges(former: TargetsPart, next: TargetsPart): SignersChange[] {
  const of = (part: TargetsPart) =>
    new Map(part.delegations?.roles.map((role) => [role.name, signersIn(role, part.delegations?.keys ?? {})]))
  return signersChanges(of(former), of(next))
}

/** Delegations are tried in their order: it may not change, and patterns come last, or one would speak for another. */
export function isOrderKept(former: TargetsPart, next: TargetsPart): boolean {
  const [before, after] = [former, next].map((part) => part.delegations?.roles ?? []) as [
    DelegationEntry[],
    DelegationEntry[]
  ]
  const kept = (some: DelegationEntry[], others: DelegationEntry[]) =>
    some.map(({ name }) => name).filter((name) => others.some((role) => role.name === name))
  const known = new Set(before.map(({ name }) => name))
  const firstNew = after.findIndex((role) => isPattern(role) && !known.has(role.name))
  const behind = firstNew < 0 ? [] : after.slice(firstNew)
  return (
    kept(before, after).join() === kept(after, before).join() &&
    behind.every((role) => isPattern(role) && !known.has(role.name))
  )
}

function isPattern({ paths }: DelegationEntry): boolean {
  return paths.some((path) => /[*?]/.test(path.split('/')[1] ?? '*'))
}

export function rootChanges(
  former: RootPart,
  next: RootPart
): { signers: SignersChange[]; facts: FactChange[] } {
  const of = ({ roles, keys }: RootPart) =>
    new Map(Object.entries(roles).map(([name, role]) => [name, signersIn(role, keys)]))
  const [before, after] = [former['x-chasqui'], next['x-chasqui']]
  const names = [...new Set([...Object.keys(before), ...Object.keys(after)])].sort()
  const facts = names
    .map((name) => ({ name, former: before[name] ?? null, next: after[name] ?? null }))
    .filter((fact) => !isSame(fact.former, fact.next))
  return { signers: signersChanges(of(former), of(next)), facts }
}

function signersChanges(former: Map<string, Signers>, next: Map<string, Signers>): SignersChange[] {
  const names = [...new Set([...former.keys(), ...next.keys()])].sort()
  return names
    .map((role) => ({ role, former: former.get(role) ?? null, next: next.get(role) ?? null }))
    .filter((change) => !isSame(change.former, change.next))
}

function signersIn(
  role: RoleKeys & Partial<DelegationEntry>,
  keys: Readonly<Record<string, TufKey>>
): Signers {
  const { keyids, threshold, paths, terminating } = role
  return {
    keys: keyids.map((id) => ({ id, public: keys[id]?.keyval.public ?? '' })),
    threshold,
    ...(paths !== undefined && { paths }),
    ...(terminating !== undefined && { terminating })
  }
}

function isSame(a: unknown, b: unknown): boolean {
  if (a === undefined || b === undefined) return a === b
  return equalBytes(canonicalBytes(a), canonicalBytes(b))
}
