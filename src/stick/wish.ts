// What a stick was made for, kept on it: somebody chose --latest, --for or --max-size, and a round that nobody typed goes by
// that in place of filling the stick with everything.
import { z } from 'zod'
import type { ExportRequest } from './round-types.ts'

const names = z.array(z.string().min(1).max(200)).max(1000)

export const wishSchema = z.strictObject({
  modules: names,
  channel: z.string().min(1).max(100).nullable(),
  branches: names,
  latest: z.boolean(),
  /** bytes that this stick may carry of the feed; null: no limit */
  maxSize: z.int().positive().nullable(),
  /** which of the sticks of that size this is */
  part: z.int().min(1).max(1000)
})
export type StickWish = z.infer<typeof wishSchema>

/** What a request asks for; null: everything. */
export function wishOf({ filter, maxSize, part }: ExportRequest): StickWish | null {
  if (filter === null && maxSize === null) return null
  const all = { modules: [], channel: null, branches: [], latest: false }
  const { modules, channel, branches, latest } = filter ?? all
  return { modules: [...modules], channel, branches: [...branches], latest, maxSize, part }
}

/** The request with what the stick was made for. */
export function withWish(request: ExportRequest, { maxSize, part, ...filter }: StickWish): ExportRequest {
  const isFiltered =
    filter.modules.length + filter.branches.length > 0 || filter.channel !== null || filter.latest
  return { ...request, filter: isFiltered ? filter : null, maxSize, part }
}
