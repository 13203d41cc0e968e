// Reading values out of foreign JSON; what is wrong throws a TypeError that says what.
import type { Metadata } from '@tufjs/models'

export type JsonObject = Record<string, unknown>
export type ModelJson = Parameters<typeof Metadata.fromJSON>[1]

export function requireUniqueStrings(lists: unknown[]): void {
  for (const list of lists) {
    const ids = asArray(list).map(asString)
    if (new Set(ids).size !== ids.length) throw new TypeError('a key id is listed twice')
  }
}

export function refusePrototypeNames(names: string[]): void {
  if (names.includes('__proto__')) throw new TypeError('__proto__ is not a name')
}

export function asObject(value: unknown): JsonObject {
  if (typeof value !== 'object' || value === null || Array.isArray(value))
    throw new TypeError('an object is missing')
  return value as JsonObject
}

export function asArray(value: unknown): unknown[] {
  if (!Array.isArray(value)) throw new TypeError('a list is missing')
  return value
}

export function asString(value: unknown): string {
  if (typeof value !== 'string') throw new TypeError('a text is missing')
  return value
}

export function requirePositive(value: number, what: string): void {
  if (!Number.isSafeInteger(value) || value < 1) throw new TypeError(`${what} must be a positive integer`)
}

export function requireLength(value: number): void {
  if (!Number.isSafeInteger(value) || value < 0) throw new TypeError('length must be an integer')
}
