// Carries out what a stick was made for, without anybody at hand who could choose something else.
import { ChasquiError, type ErrorCode } from '../errors.ts'
import { type ExportPlan, type ExportWish, planExport } from './export.ts'
import type { StickFolder } from './folder.ts'
import type { StickHome, StickSelection } from './home.ts'
import type { ExportRequest } from './round-types.ts'

/**
 * What a kept wish selects here: a branch that this home does not know is left out, and one to which none of the modules
 * means anything (another machine made the stick) adds no packs.
 */
export async function selectKept(home: StickHome, request: ExportRequest): Promise<StickSelection> {
  return home.select(request.filter, { skipUnknown: true }).catch((error: unknown) => {
    if (error instanceof ChasquiError && error.code === 'STICK_NOTHING_SELECTED') return nothing
    throw error
  })
}

const nothing: StickSelection = { releases: [], blocks: [], branches: [] }

/** The plan for `wanted`; one without packs when the part or size that was kept does not fit the feed of now. */
export async function planKept(
  home: StickHome,
  folder: StickFolder,
  wanted: ExportWish
): Promise<{ plan: ExportPlan; skipped: string[] }> {
  try {
    return { plan: await planExport(home, folder, wanted), skipped: [] }
  } catch (error) {
    if (!(error instanceof ChasquiError) || !BEYOND.has(error.code)) throw error
    const plan = await planExport(home, folder, { blocks: [], maxSize: null, part: 1 })
    // of a part that is not there any more nothing is missing
    return { plan, skipped: error.code === 'STICK_PART' ? [] : [`${error.code}: ${error.message}`] }
  }
}

/** Nobody is here to choose another part or size. */
const BEYOND: ReadonlySet<ErrorCode> = new Set(['STICK_FULL', 'STICK_PART'] as const)
