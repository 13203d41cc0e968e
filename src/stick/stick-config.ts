// [sticks] of chasqui.toml, the same for a publisher and a node.
import { isAbsolute } from 'node:path'
import { z } from 'zod'
import { LANGUAGES } from './words.ts'

export const sticksSchema = z.strictObject({
  /** notice sticks and do the round by itself */
  watch: z.boolean().default(true),
  /** more folders below which sticks appear; where a service is started is not where its file was written */
  roots: z.array(z.string().refine(isAbsolute, 'expected an absolute path')).max(100).default([]),
  /** of the pages for people on the stick */
  language: z.enum(LANGUAGES).default('en')
})
