// Which delegated role answers for a target path: TUF path patterns, hash prefixes and succinct bins, with an index so
// that a fleet of thousands of modules does not try every pattern for every look-up. Order is the delegation's own.
import { sha256, toHex } from './bytes.ts'

/** One entry of `delegations.roles`, in the order of the file. */
export interface DelegatedRole {
  name: string
  keyIDs: string[]
  threshold: number
  terminating: boolean
  paths: string[] | null
  pathHashPrefixes: string[] | null
}

/** A `succinct_roles` entry (TAP 15): 2^bitLength terminating bins. */
export interface SuccinctRoles {
  namePrefix: string
  bitLength: number
  keyIDs: string[]
  threshold: number
}

/** TUF 4.5 PATHPATTERN: `*` and `?` within one segment, never across a slash. Linear in the length of the target. */
export function matchesPattern(path: string, pattern: string): boolean {
  const parts = path.split('/')
  const patterns = pattern.split('/')
  return parts.length === patterns.length && patterns.every((glob, i) => matchesSegment(parts[i] ?? '', glob))
}

function matchesSegment(text: string, glob: string): boolean {
  let t = 0
  let g = 0
  let star = -1
  let resume = 0
  while (t < text.length) {
    if (glob[g] === '*') {
      star = g++
      resume = t
    } else if (g < glob.length && (glob[g] === '?' || glob[g] === text[t])) {
      t++
      g++
    } else if (star >= 0) {
      g = star + 1
      t = ++resume
    } else return false
  }
  while (glob[g] === '*') g++
  return g === glob.length
}

/** Hex SHA-256 of a target path, as hash prefixes and bins use it. */
function pathHash(path: string): string {
  return toHex(sha256(Buffer.from(path, 'utf8')))
}

function coversPath(role: DelegatedRole, path: string): boolean {
  if (role.paths !== null) return role.paths.some((pattern) => matchesPattern(path, pattern))
  if (role.pathHashPrefixes === null) return false
  const hash = pathHash(path)
  return role.pathHashPrefixes.some((prefix) => hash.startsWith(prefix))
}

/** TAP 15: the bin whose number is the first `bitLength` bits of the path's hash. */
export function binFor(bins: SuccinctRoles, path: string): string {
  const number = Number.parseInt(pathHash(path).slice(0, 8), 16) >>> (32 - bins.bitLength)
  return binName(bins, number)
}

export function isBin(bins: SuccinctRoles, name: string): boolean {
  const digits = name.slice(bins.namePrefix.length + 1)
  if (!name.startsWith(`${bins.namePrefix}-`) || !/^[0-9a-f]+$/.test(digits)) return false
  const number = Number.parseInt(digits, 16)
  return number < 2 ** bins.bitLength && binName(bins, number) === name
}

function binName(bins: SuccinctRoles, number: number): string {
  const width = (2 ** bins.bitLength - 1).toString(16).length
  return `${bins.namePrefix}-${number.toString(16).padStart(width, '0')}`
}

/** Finds the roles for a path without trying each pattern: by the second path segment where all patterns fix it. */
export class DelegationIndex {
  readonly #bySegment = new Map<string, number[]>()
  readonly #rest: number[] = []
  readonly #roles: readonly DelegatedRole[]

  constructor(roles: readonly DelegatedRole[]) {
    this.#roles = roles
    roles.forEach((role, position) => {
      const segments = role.paths?.map(fixedSegment) ?? [null]
      if (segments.includes(null)) this.#rest.push(position)
      else for (const segment of new Set(segments)) this.#add(segment as string, position)
    })
  }

  #add(segment: string, position: number): void {
    const positions = this.#bySegment.get(segment)
    if (positions === undefined) this.#bySegment.set(segment, [position])
    else positions.push(position)
  }

  /** The delegated roles that cover `path`, in the order of the delegation. */
  rolesFor(path: string): DelegatedRole[] {
    const segment = path.split('/')[1]
    const fixed = segment === undefined ? [] : (this.#bySegment.get(segment) ?? [])
    return [...fixed, ...this.#rest]
      .sort((a, b) => a - b)
      .map((position) => this.#roles[position] as DelegatedRole)
      .filter((role) => coversPath(role, path))
  }
}

function fixedSegment(pattern: string): string | null {
  const segment = pattern.split('/')[1]
  return segment === undefined || /[*?]/.test(segment) ? null : segment
}
