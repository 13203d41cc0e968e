// [sticks] of chasqui.toml, the same for a publisher and a node.
import { z } from 'zod'
import { LANGUAGES } from './words.ts'

export const sticksSchema = z.strictObject({
  /** notice sticks and do the round by itself */
  watch: z.boolean().default(true),
  /** more folders below which sticks appear */
  roots: z.array(z.string().min(1)).max(100).default([]),
  /** of the pages for people on the stick */
  language: z.enum(LANGUAGES).default('en')
})
