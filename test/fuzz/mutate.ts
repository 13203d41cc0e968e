// The ways to spoil a file that every fuzz test uses: one table for bytes, one for values of JSON, and the property that
// all parsers keep: what comes is read, or refused with a code of ours, never with another error.
import fc from 'fast-check'
import { ChasquiError } from '../../src/errors.ts'

interface Place {
  at: number
  length: number
  piece: Uint8Array
}

const join = (...parts: Uint8Array[]) => Buffer.concat(parts)

/** Each gives a new file from a real one, changed at a place within it. */
const MUTATORS = {
  flip: (real: Uint8Array, { at, length }: Place) => replace(real, at, (byte) => byte ^ (1 << (length % 8))),
  /** numbers and lengths become as small or large as their bytes allow */
  extreme: (real: Uint8Array, { at, length }: Place) =>
    replace(real, at, () => [0, 0x7f, 0x80, 0xfd, 0xfe, 0xff][length % 6] as number),
  overwrite: (real: Uint8Array, { at, piece }: Place) =>
    join(real.subarray(0, at), piece, real.subarray(at + piece.length)),
  insert: (real: Uint8Array, { at, piece }: Place) => join(real.subarray(0, at), piece, real.subarray(at)),
  remove: (real: Uint8Array, { at, length }: Place) => join(real.subarray(0, at), real.subarray(at + length)),
  repeat: (real: Uint8Array, { at, length }: Place) => join(real.subarray(0, at + length), real.subarray(at)),
  /** a piece of the beginning, in another place */
  move: (real: Uint8Array, { at, length }: Place) =>
    join(real.subarray(length, at), real.subarray(0, length), real.subarray(Math.max(at, length))),
  cut: (real: Uint8Array, { at }: Place) => Buffer.from(real.subarray(0, at))
}

function replace(real: Uint8Array, at: number, change: (byte: number) => number): Uint8Array {
  const copy = Buffer.from(real)
  if (at < copy.length) copy[at] = change(copy[at] as number)
  return copy
}

type Mutation = Place & { kind: keyof typeof MUTATORS }

/** One to four changes; most are small, so that a parser is reached deep inside. */
export const mutations: fc.Arbitrary<Mutation[]> = fc.array(
  fc.record({
    kind: fc.constantFrom(...(Object.keys(MUTATORS) as Mutation['kind'][])),
    at: fc.nat(),
    length: fc.nat(40),
    piece: fc.uint8Array({ maxLength: 40 })
  }),
  { minLength: 1, maxLength: 4 }
)

export function mutate(real: Uint8Array, changes: readonly Mutation[]): Uint8Array {
  return changes.reduce<Uint8Array>(
    (bytes, { kind, ...place }) =>
      MUTATORS[kind](bytes, { ...place, at: bytes.length === 0 ? 0 : place.at % bytes.length }),
    real
  )
}

/** What stands where a field should: each kind of value that JSON has, at its edges. */
const odd: fc.Arbitrary<unknown> = fc.oneof(
  fc.constantFrom<unknown>(null, true, '', [], {}, 0, -1, 1.5, 2 ** 53, 1e308, '__proto__', 'constructor'),
  fc.constantFrom<unknown>('\u0000', '\ud800', '../..', 'a'.repeat(70_000), { toString: 1 }, [[[[[]]]]]),
  fc.jsonValue(),
  fc.string()
)

/** A copy of a JSON document in which one value, anywhere, is another one, is gone, or has another name. */
export function bentJson(document: unknown): fc.Arbitrary<string> {
  const places = pathsOf(document)
  const name = fc.constantFrom('__proto__', 'constructor', 'x', '')
  return fc
    .record({
      path: fc.constantFrom(...places),
      how: fc.constantFrom('value', 'gone', 'name'),
      value: odd,
      name
    })
    .map(({ path, how, value, name }) => {
      if (path.length === 0) return JSON.stringify(value)
      const [keys, last] = [path.slice(0, -1), path.at(-1) as string]
      const copy = structuredClone(document)
      const parent = keys.reduce<unknown>((at, key) => (at as Record<string, unknown>)[key], copy)
      const own = parent as Record<string, unknown>
      if (how === 'name') Object.defineProperty(own, name, { value: own[last], enumerable: true })
      if (how === 'value') own[last] = value
      else delete own[last]
      return JSON.stringify(copy)
    })
}

const DEPTH = 20_000 // brackets: more than any stack of calls takes, and still within most limits of size

/** Copies of a JSON document with a field more in one of its objects, each, that is nested very deep. */
export function deepJson(document: unknown): string[] {
  const deep = `${'['.repeat(DEPTH)}${']'.repeat(DEPTH)}`
  return pathsOf(document).flatMap((path) => {
    const copy = structuredClone(document)
    const at = path.reduce<unknown>((inner, key) => (inner as Record<string, unknown>)[key], copy)
    if (typeof at !== 'object' || at === null || Array.isArray(at)) return []
    Object.assign(at, { deep: 'here' })
    return [JSON.stringify(copy).replace('"deep":"here"', `"deep":${deep}`)]
  })
}

function pathsOf(value: unknown, here: readonly string[] = []): string[][] {
  if (typeof value !== 'object' || value === null) return [[...here]]
  const inner = Object.entries(value).flatMap(([key, each]) => pathsOf(each, [...here, key]))
  return [[...here], ...inner]
}

/** A result or a refusal; anything else is a bug of the parser, and is thrown on. */
export async function readsOrRefuses(parse: () => unknown): Promise<void> {
  try {
    await parse()
  } catch (error) {
    if (!isRefusal(error)) throw error
  }
}

/** A code of ours, or what the codec of a wire message says, which closes the connection with that peer. */
function isRefusal(error: unknown): boolean {
  if (error instanceof ChasquiError) return error.code !== 'UNEXPECTED'
  return error instanceof RangeError
    ? !/call stack|array length/i.test(error.message)
    : error instanceof Error &&
        error.constructor === Error &&
        /^(Out of bounds|uint must be)/.test(error.message)
}
