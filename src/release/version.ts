// Version orders (FORMAT 3.2): semver, Odoo (17.0.1.2.3), four-part (1.0.0.5) and dates (2026-05-01). A module keeps one.
// Every order takes a build suffix "+…", which decides between two versions that are otherwise equal.
import { ChasquiError } from '../errors.ts'

export const VERSION_ORDERS = ['semver', 'odoo', 'four-part', 'date'] as const
export type VersionOrder = (typeof VERSION_ORDERS)[number]
export type Ordering = -1 | 0 | 1

export const VERSION_LIMIT = 64 // characters

/** A version taken apart: numbers compared one by one, then the pre-release (none is highest), then the build (none is lowest). */
export interface Version {
  numbers: number[]
  prerelease: string[]
  build: string[]
}

const NUMBER = '(?:0|[1-9]\\d{0,8})'
const IDENTIFIERS = '[0-9A-Za-z-]+(?:\\.[0-9A-Za-z-]+)*'
const BUILD = `(?:\\+(?<build>${IDENTIFIERS}))?`
const PATTERNS: Record<VersionOrder, RegExp> = {
  semver: new RegExp(
    `^(?<numbers>${NUMBER}\\.${NUMBER}\\.${NUMBER})(?:-(?<prerelease>${IDENTIFIERS}))?${BUILD}$`
  ),
  odoo: new RegExp(`^(?<numbers>[1-9]\\d?\\.0(?:\\.${NUMBER}){1,3})${BUILD}$`),
  'four-part': new RegExp(`^(?<numbers>${NUMBER}(?:\\.${NUMBER}){1,3})${BUILD}$`),
  date: new RegExp(
    `^(?<numbers>\\d{4}-\\d\\d-\\d\\d|\\d{4}\\.\\d\\d\\.\\d\\d|\\d{8})(?:\\.(?<count>${NUMBER}))?${BUILD}$`
  )
}

/** Takes `version` apart by `order`. Throws VERSION_INVALID. */
export function parseVersion(order: VersionOrder, version: string): Version {
  const groups = version.length <= VERSION_LIMIT ? PATTERNS[order].exec(version)?.groups : undefined
  const numbers = groups === undefined ? null : readNumbers(order, groups)
  const prerelease = splitIdentifiers(groups?.prerelease)
  const badIdentifier = prerelease.some((identifier) => /^0\d+$/.test(identifier))
  if (numbers === null || badIdentifier) throw invalid(version, `it is not a ${order} version`)
  return { numbers, prerelease, build: splitIdentifiers(groups?.build) }
}

/** True when `version` can be read by `order`. */
export function isVersion(order: VersionOrder, version: string): boolean {
  try {
    parseVersion(order, version)
    return true
  } catch {
    return false
  }
}

/**
 * The order that a first version suggests. Five numbers with ".0." second are Odoo's, three without leading zeros are
 * semver, real calendar dates are dates, other dotted numbers are four-part. Throws VERSION_INVALID.
 */
export function detectOrder(version: string): VersionOrder {
  const fiveNumbers = /^\d+(\.\d+){4}(\+|$)/.test(version)
  const candidates: VersionOrder[] = fiveNumbers ? ['odoo'] : ['semver', 'date', 'four-part']
  const order = candidates.find((candidate) => isVersion(candidate, version))
  if (order === undefined) throw invalid(version, 'it follows no known version order')
  return order
}

/** -1 when a is older than b, 1 when newer, 0 when they rank the same. Throws VERSION_INVALID. */
export function compareVersions(order: VersionOrder, a: string, b: string): Ordering {
  return compareParsed(parseVersion(order, a), parseVersion(order, b))
}

export function compareParsed(a: Version, b: Version): Ordering {
  return (
    compareNumbers(a.numbers, b.numbers) ||
    comparePrerelease(a.prerelease, b.prerelease) ||
    compareIdentifiers(a.build, b.build)
  )
}

/** `version` with its build number raised by one: 1.2.3 → 1.2.3+1 → 1.2.3+2. Throws VERSION_INVALID for other builds. */
export function nextBuild(order: VersionOrder, version: string): string {
  const { build } = parseVersion(order, version)
  const [base] = version.split('+') as [string]
  if (build.length === 0) return `${base}+1`
  const [number] = build
  if (build.length > 1 || number === undefined || !/^[1-9]\d{0,8}$/.test(number)) {
    throw invalid(version, 'its build suffix is not a number')
  }
  return `${base}+${Number(number) + 1}`
}

function readNumbers(order: VersionOrder, groups: Record<string, string | undefined>): number[] | null {
  const text = groups.numbers ?? ''
  if (order !== 'date') return text.split('.').map(Number)
  const digits = text.replace(/[-.]/g, '')
  const date = [digits.slice(0, 4), digits.slice(4, 6), digits.slice(6, 8)].map(Number)
  return isCalendarDay(date) ? [...date, Number(groups.count ?? 0)] : null
}

function isCalendarDay([year = 0, month = 0, day = 0]: number[]): boolean {
  const leap = (year % 4 === 0 && year % 100 !== 0) || year % 400 === 0
  const days = [31, leap ? 29 : 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31][month - 1]
  return year >= 1970 && days !== undefined && day >= 1 && day <= days
}

function splitIdentifiers(text: string | undefined): string[] {
  return text === undefined ? [] : text.split('.')
}

function compareNumbers(a: number[], b: number[]): Ordering {
  for (let i = 0; i < Math.max(a.length, b.length); i++) {
    const difference = Math.sign((a[i] ?? 0) - (b[i] ?? 0)) as Ordering
    if (difference !== 0) return difference
  }
  return 0
}

// semver 11.3: a version with a pre-release is lower than the same version without one
function comparePrerelease(a: string[], b: string[]): Ordering {
  if (a.length === 0 || b.length === 0) return Math.sign(b.length - a.length) as Ordering
  return compareIdentifiers(a, b)
}

// semver 11.4: numbers by value and below words, words by code unit, a longer list is higher
function compareIdentifiers(a: string[], b: string[]): Ordering {
  for (let i = 0; i < Math.max(a.length, b.length); i++) {
    const difference = compareIdentifier(a[i], b[i])
    if (difference !== 0) return difference
  }
  return 0
}

function compareIdentifier(a: string | undefined, b: string | undefined): Ordering {
  if (a === undefined || b === undefined) return a === b ? 0 : a === undefined ? -1 : 1
  const [numberA, numberB] = [/^\d+$/.test(a), /^\d+$/.test(b)]
  if (numberA && numberB) return Math.sign(Number(a) - Number(b)) as Ordering
  if (numberA !== numberB) return numberA ? -1 : 1
  return a < b ? -1 : a > b ? 1 : 0
}

function invalid(version: string, why: string): ChasquiError {
  return new ChasquiError(
    'VERSION_INVALID',
    `"${version.slice(0, VERSION_LIMIT)}" cannot be a version: ${why}`,
    {
      hint: 'use 1.2.3, 17.0.1.2.3 (Odoo), 1.0.0.5 or 2026-05-01, or give one with --version'
    }
  )
}
