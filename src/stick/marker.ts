// complete.json: written last, after every segment is durable. Says what a finished export meant to be on the stick, so
// that a reader can tell `complete` from `partial`. It proves nothing; the segments prove themselves.
import { z } from 'zod'
import { holdings } from './ranges.ts'

export const MARKER_LIMIT = 8 * 1024 * 1024 // bytes

const segment = z.strictObject({
  name: z.string().regex(/^\d{4,9}\.seg$/),
  bytes: z.int().min(0),
  /** BLAKE2b-256 of header, table and their place: the footer's hash */
  hash: z.string().regex(/^[0-9a-f]{64}$/),
  /** its blocks, so that all know what is lost with it */
  holds: holdings
})
export type MarkedSegment = z.infer<typeof segment>

const marker = z.strictObject({
  schema: z.literal(1),
  /** the stick's sequence when this was written */
  sequence: z.int().min(0),
  written: z.iso.datetime(),
  /** signed lengths that the export carried */
  lengths: z.strictObject({ db: z.int().min(0), blobs: z.int().min(0) }),
  segments: z.array(segment).max(10_000),
  /** true when everything that this stick was meant to carry is here */
  whole: z.boolean(),
  /** which of several sticks this is; null when it is the only one */
  part: z
    .strictObject({ part: z.int().min(1), parts: z.int().min(2) })
    .nullable()
    .default(null),
  /** what the exporter says is inside: for people, who have no key to look */
  releases: z
    .array(
      z.strictObject({
        module: z.string().max(200),
        track: z.string().max(200),
        version: z.string().max(200)
      })
    )
    .max(50_000)
    .default([])
})
export type Marker = z.infer<typeof marker>

/** What the marker says of a segment file. */
export function markedSegment({ name, bytes, hash, holds }: MarkedSegment): MarkedSegment {
  return { name, bytes, hash, holds }
}

export function encodeMarker(value: Marker): Uint8Array {
  return Buffer.from(`${JSON.stringify(marker.parse(value), null, 1)}\n`)
}

/** The marker, or null when there is none that can be read. */
export function parseMarker(bytes: Uint8Array | null): Marker | null {
  if (bytes === null) return null
  try {
    return marker.parse(JSON.parse(Buffer.from(bytes).toString('utf8')))
  } catch {
    return null
  }
}
