// Version ranges, for `requires` and `compat`: "*", "1.2.3", ">=1.2.0 <2.0.0", "^1.2.3", "~1.2.3", alternatives by "||".
// The same in every order; a bound of semver may stop early (">=2.0" is ">=2.0.0"); "^" and "~" keep the first and the first two numbers (in Odoo's order: of the part after the series).
import { ChasquiError } from '../errors.ts'
import { compareParsed, parseVersion, VERSION_ORDERS, type Version, type VersionOrder } from './version.ts'

const RANGE_LIMIT = 256 // characters
const COMPARATOR = /^(<=|>=|<|>|=|\^|~)?(.+)$/

/** True when `version` lies in `range`. Throws VERSION_RANGE_INVALID, VERSION_INVALID. */
export function satisfies(order: VersionOrder, version: string, range: string): boolean {
  const parsed = parseVersion(order, version)
  return parseRange(order, range).some((all) => all.every((test) => test(parsed)))
}

/** Throws VERSION_RANGE_INVALID for what is no range in any order. */
export function checkRange(range: string): void {
  const isRange = VERSION_ORDERS.some((order) => {
    try {
      return parseRange(order, range).length > 0
    } catch {
      return false
    }
  })
  if (!isRange) throw invalid(range)
}

type Test = (version: Version) => boolean

function parseRange(order: VersionOrder, range: string): Test[][] {
  if (range.length > RANGE_LIMIT) throw invalid(range)
  return range.split('||').map((part) => {
    const comparators = part.trim().split(/\s+/)
    return comparators.map((comparator) => parseComparator(order, comparator, range))
  })
}

function parseComparator(order: VersionOrder, comparator: string, range: string): Test {
  if (comparator === '*') return () => true
  const [, operator = '=', text = ''] = COMPARATOR.exec(comparator) ?? []
  const bound = parseBound(order, text, range)
  const compare = (version: Version) => compareParsed(version, bound)
  switch (operator) {
    case '<':
      return (version) => compare(version) < 0
    case '<=':
      return (version) => compare(version) <= 0
    case '>':
      return (version) => compare(version) > 0
    case '>=':
      return (version) => compare(version) >= 0
    case '^':
      return (version) => compare(version) >= 0 && sameStart(version, bound, caretLength(order, bound))
    case '~':
      return (version) => compare(version) >= 0 && sameStart(version, bound, seriesLength(order) + 2)
    default:
      return (version) => compare(version) === 0
  }
}

function parseBound(order: VersionOrder, text: string, range: string): Version {
  try {
    const isShort = order === 'semver' && /^\d+(\.\d+)?$/.test(text)
    return parseVersion(order, isShort ? `${text}${text.includes('.') ? '.0' : '.0.0'}` : text)
  } catch (cause) {
    throw invalid(range, cause)
  }
}

function seriesLength(order: VersionOrder): number {
  return order === 'odoo' ? 2 : 0
}

// as npm does: ^0.2.3 keeps 0.2, ^0.0.3 keeps 0.0.3
function caretLength(order: VersionOrder, bound: Version): number {
  const series = seriesLength(order)
  const leading = bound.numbers.slice(series).findIndex((number) => number !== 0)
  return series + (leading === -1 ? bound.numbers.length - series : leading + 1)
}

function sameStart(a: Version, b: Version, length: number): boolean {
  return Array.from({ length }, (_, i) => i).every((i) => (a.numbers[i] ?? 0) === (b.numbers[i] ?? 0))
}

function invalid(range: string, cause?: unknown): ChasquiError {
  return new ChasquiError('VERSION_RANGE_INVALID', `"${range.slice(0, 80)}" is not a version range`, {
    cause,
    hint: 'write "*", "1.2.3", ">=1.2.0 <2.0.0", "^1.2.3" or "~1.2.3"; alternatives with "||"'
  })
}
