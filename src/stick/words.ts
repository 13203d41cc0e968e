// What the stick says to people, in the languages of those who carry it.
import type { ErrorCode } from '../errors.ts'
import { EN } from './words-en.ts'
import { ES } from './words-es.ts'
import { PT } from './words-pt.ts'

export const LANGUAGES = ['en', 'es', 'pt'] as const
export type Language = (typeof LANGUAGES)[number]

/** Why an update waits that nothing keeps from being applied: nobody has done it yet. */
export const READY = 'READY'

/** What became of a visit: `trouble` is done with something to look at. */
export type Outcome = 'working' | 'done' | 'trouble' | 'failed' | 'cut'

export interface Words {
  title: string
  /** in the banner, for who stands before the machine: a few words, and what they mean */
  banner: Readonly<Record<Exclude<Outcome, 'cut'>, { big: string; small: string }>>
  /** beside `working`, before the name of the machine: for who pulled it out too early */
  elsewhere: string
  /** in the table */
  outcome: Readonly<Record<Outcome, string>>
  /** what to do after a failure, by code; `other` for the rest */
  advice: Readonly<Partial<Record<ErrorCode, string>>> & { other: string }
  /** what went wrong, by code; the program's own English for the rest */
  troubles: Readonly<Partial<Record<ErrorCode, string>>>
  /** why an update waits, by code; `other` for the rest */
  waits: Readonly<Partial<Record<ErrorCode | typeof READY, string>>> & { other: string }
  when: string
  machine: string
  headOffice: string
  branch: string
  result: string
  software: string
  waiting: string
  updatesWait: string
  unchanged: string
  nothing: string
  errors: string
  noErrors: string
  carried: string
  /** before the branches for which the stick was made */
  madeFor: string
  /** before which of several sticks it is: 2 / 4 */
  part: string
  readme: string
}

export const WORDS: Readonly<Record<Language, Words>> = { en: EN, es: ES, pt: PT }

/** Every language, the preferred one first. */
export function languagesFrom(preferred: Language): Language[] {
  return [preferred, ...LANGUAGES.filter((language) => language !== preferred)]
}
