// Small helpers for codecs of wire messages: every list is bounded before it is read.
import c, { type State } from 'compact-encoding'

export interface Codec<T> {
  preencode(state: State, value: T): void
  encode(state: State, value: T): void
  decode(state: State): T
}

type Step = 'preencode' | 'encode'

/** A codec from one function that writes (both steps) and one that reads. */
export function codec<T>(
  write: (state: State, step: Step, value: T) => void,
  read: (state: State) => T
): Codec<T> {
  return {
    preencode: (state, value) => write(state, 'preencode', value),
    encode: (state, value) => write(state, 'encode', value),
    decode: read
  }
}

/** @param limit number of items above which the message is refused */
export function list<T>(item: Codec<T>, limit: number): Codec<T[]> {
  return codec<T[]>(
    (state, step, values) => {
      c.uint[step](state, values.length)
      for (const value of values) item[step](state, value)
    },
    (state) => {
      const length = c.uint.decode(state)
      if (length > limit) throw new RangeError('a list is longer than the protocol allows')
      return Array.from({ length }, () => item.decode(state))
    }
  )
}

/** Bytes of a message, for budgets. */
export function encodedLength<T>(of: Codec<T>, value: T): number {
  const state = c.state()
  of.preencode(state, value)
  return state.end
}
