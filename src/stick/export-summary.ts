// What an export is going to write, said before it starts: for people and scripts.
import type { CarriedRelease } from './carried.ts'
import type { ExportPlan } from './export.ts'
import type { StickSelection } from './home.ts'

export interface ExportSummary {
  /** how far the feed goes afterwards, in blocks of its db core */
  length: number
  /** of the feed */
  blocks: number
  bytes: number
  segments: number
  /** reports that the stick does not have of anybody yet */
  reports: { count: number; bytes: number }
  /** bytes of the archives for a new site */
  installer: number
  /** all of that, in bytes */
  total: number
  /** bytes; null when the stick does not say */
  free: number | null
  /** what a slow stick takes for it */
  minutes: number
  /** what the stick carries afterwards of what was selected */
  releases: CarriedRelease[]
  branches: string[]
  /** how many sticks it takes at --max-size, and which this is */
  parts: number
  part: number
}

const SLOW_STICK = 8_000_000 // bytes per second that a cheap stick writes

export interface Extras {
  reports: { count: number; bytes: number }
  installer: number
  free: number | null
}

export function summarize(
  plan: ExportPlan,
  releases: CarriedRelease[],
  { branches }: StickSelection,
  extras: Extras
): ExportSummary {
  const total = plan.bytes + extras.reports.bytes + extras.installer
  return {
    length: plan.lengths.db,
    blocks: plan.blocks,
    bytes: plan.bytes,
    segments: plan.segments.length,
    ...extras,
    total,
    minutes: Math.ceil((10 * total) / SLOW_STICK / 60) / 10,
    releases,
    branches: branches.map(({ name }) => name),
    parts: plan.parts,
    part: plan.part
  }
}
