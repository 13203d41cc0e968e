// What an export is going to write, said before it starts: for people and scripts.
import type { ExportPlan } from './export.ts'
import type { StickSelection } from './home.ts'

export interface ExportSummary {
  blocks: number
  bytes: number
  segments: number
  /** bytes; null when the stick does not say */
  free: number | null
  /** what a slow stick takes for it */
  minutes: number
  releases: { module: string; track: string; version: string; bytes: number }[]
  branches: string[]
  /** how many sticks it takes at --max-size, and which this is */
  parts: number
  part: number
}

const SLOW_STICK = 8_000_000 // bytes per second that a cheap stick writes

export function summarize(plan: ExportPlan, selection: StickSelection, free: number | null): ExportSummary {
  return {
    blocks: plan.blocks,
    bytes: plan.bytes,
    segments: plan.segments.length,
    free,
    minutes: Math.ceil((10 * plan.bytes) / SLOW_STICK / 60) / 10,
    releases: selection.releases.map(({ module, track, version, bytes }) => ({
      module,
      track,
      version,
      bytes
    })),
    branches: selection.branches.map(({ name }) => name),
    parts: plan.parts,
    part: plan.part
  }
}
