// From packs to a tree: decodes a chain of packs over what is here and leaves the wanted release in a new folder, or
// nothing. What is here is only read. Every pack is held against the signed release before a byte of it is decoded.
import { ChasquiError } from '../errors.ts'
import type { Manifest } from '../release/manifest.ts'
import { removeTree } from '../system/durable.ts'
import type { FileSystem } from '../system/file-system.ts'
import { type ContentSource, checkedContents } from './content.ts'
import { checkClaim, decodeGroups, type FilesClaim } from './decode.ts'
import { checkPackBytes, type PackIdentity, type PackSource, readIndex } from './layout.ts'
import { PACK_LIMITS, type PackLimits } from './limits.ts'
import { Spool } from './spool.ts'
import { StagedTree } from './stage.ts'

/** One pack of a chain with what the signed release says. */
export interface PackStep {
  source: PackSource
  pack: PackIdentity
  files: FilesClaim
  kind: 'directory' | 'overlay'
}

/** A release whose files are here, as far as they did not drift. */
export interface PackBase {
  manifest: Manifest
  contents: ContentSource
  /** where a drifted file's content is found otherwise, in order of preference */
  fallbacks?: readonly ContentSource[]
}

export interface ApplyPacksRequest {
  fs: FileSystem
  /** in the order of application; the first is full, or a delta on `base` */
  steps: readonly PackStep[]
  base: PackBase | null
  /** folder to make; it must be missing or empty. Scratch files stand beside it, named `<into>.<n>.part` */
  into: string
  /** wait for the disk (default true) */
  sync?: boolean
  limits?: PackLimits
  signal?: AbortSignal
}

/**
 * The file list of the last step's release, whose tree is at `into`. On any error `into` is removed again. Throws
 * PACK_DAMAGED, PACK_LIMIT, PACK_WRONG_BASE, PACK_MISSING, BASE_DRIFTED, SYMLINK_REFUSED, PATH_*.
 */
export async function applyPacks(request: ApplyPacksRequest): Promise<Manifest> {
  const { fs, into } = request
  const last = request.steps.at(-1)
  if (last === undefined) throw new ChasquiError('PACK_MISSING', 'there is no pack to apply')
  await refuseFilled(fs, into)
  const chain = await openChain(request, request.steps.slice(0, -1))
  try {
    return await stagePack(request, last, chain.base)
  } catch (error) {
    await removeTree(fs, into).catch(() => undefined)
    throw error
  } finally {
    await chain.close()
  }
}

/** What is there already is not ours to write into, and not ours to remove when something fails. */
async function refuseFilled(fs: FileSystem, into: string): Promise<void> {
  const found = await fs.stat(into)
  if (found === null || (found.kind === 'directory' && (await fs.list(into)).length === 0)) return
  throw new ChasquiError('NOT_A_DIRECTORY', `${into} is not an empty folder to stage into`)
}

export interface OpenChain {
  base: PackBase | null
  close(): Promise<void>
}

export type OpenChainRequest = Omit<ApplyPacksRequest, 'sync'>

/**
 * The release at the end of a chain as a base to read from: what changed lies in scratch files beside `into`, the rest is
 * read where it is. The publisher reads its previous release this way; a node rebuilds drifted files.
 */
export async function openChain(
  request: OpenChainRequest,
  steps: readonly PackStep[] = request.steps
): Promise<OpenChain> {
  const spools: Spool[] = []
  const close = async () => {
    for (const spool of spools) await spool.close()
  }
  let base = request.base
  try {
    for (const [i, step] of steps.entries()) {
      const spool = await Spool.create(request.fs, `${request.into}.${i}.part`)
      spools.push(spool)
      base = await decodeToSpool(request, step, base, spool)
    }
    return { base, close }
  } catch (error) {
    await close()
    throw error
  }
}

async function decodeToSpool(
  request: OpenChainRequest,
  step: PackStep,
  base: PackBase | null,
  spool: Spool
): Promise<PackBase> {
  const opened = await openStep(request, step, base)
  const manifest = await decodeGroups({ ...opened, source: step.source, sink: spool, signal: request.signal })
  return { manifest, contents: await spool.contents(opened.index, opened.base) }
}

async function stagePack(
  request: ApplyPacksRequest,
  step: PackStep,
  base: PackBase | null
): Promise<Manifest> {
  const opened = await openStep(request, step, base)
  const tree = new StagedTree({ fs: request.fs, into: request.into, sync: request.sync ?? true })
  await tree.makeFolders(opened.index.files)
  try {
    const manifest = await decodeGroups({
      ...opened,
      source: step.source,
      sink: tree,
      signal: request.signal
    })
    await tree.settle()
    await tree.copyRest(opened.index.files, opened.base)
    await tree.finish(manifest, step.kind)
    return manifest
  } finally {
    await tree.settle().catch(() => undefined)
  }
}

async function openStep(request: OpenChainRequest, step: PackStep, given: PackBase | null) {
  const limits = request.limits ?? PACK_LIMITS
  await checkPackBytes(step.source, step.pack)
  const index = await readIndex(step.source, given?.manifest ?? null, limits)
  checkClaim(index, step.files, limits)
  const contents = given === null ? null : checkedContents([given.contents, ...(given.fallbacks ?? [])])
  const base = given === null || contents === null ? null : { manifest: given.manifest, contents }
  return { index, base, limits }
}
