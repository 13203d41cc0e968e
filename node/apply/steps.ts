// What each forward state does. Nothing here decides where an outcome leads: that is the table in machine.ts.
import { dirname, join } from 'node:path'
import { asChasquiError, ChasquiError } from '../../src/errors.ts'
import { type Manifest, manifestRoot } from '../../src/release/manifest.ts'
import { ensureDirectory, removeTree, writeFileDurably } from '../../src/system/durable.ts'
import { copyBackup } from '../backups/copy.ts'
import { readBack } from '../backups/read-back.ts'
import { failureOf, runChecks } from '../checks/checks.ts'
import { checksOf, contextFor, markLogs } from '../checks/plan.ts'
import { mustRun } from '../profiles/commands.ts'
import type { Profile } from '../profiles/profile.ts'
import { planExchange, refuseExchange } from './exchange.ts'
import { refuseMounts } from './mounts.ts'
import { type Operation, perform, syncFolders } from './operations.ts'
import { leavesNothing, refuseLostPrograms } from './programs.ts'
import { KEYS, manifestText, type Records } from './records.ts'
import { differences, foreignEntries, namesOf, takeAfter } from './tree.ts'
import type { ModuleChange } from './types.ts'
import type { Verified, Work } from './work.ts'
import { PRIVATE } from './work-folder.ts'

const STEP_TIMEOUT = 600_000 // milliseconds

/** More to write in the same atomic step as the change of state. */
export type Also = Readonly<Record<string, unknown>>
export type StepFunction = (work: Work, profile: Profile, records: Records) => Promise<Also | undefined>

export const stage: StepFunction = async (work, profile, records) => {
  const { fs } = work.parts
  await removeTree(fs, work.places.staging)
  await ensureDirectory(fs, work.places.staging, PRIVATE)
  await ensureDirectory(fs, join(work.places.staging, 'new'))
  const manifests: Record<string, unknown> = {}
  for (const change of work.transaction.changes) {
    const into = work.places.staged(change.module)
    await ensureDirectory(fs, into)
    const manifest = await stageOne(work, records, change, into).catch((thrown: unknown) => {
      throw blaming(change.module, thrown)
    })
    manifests[KEYS.staged(work.app.name, change.module)] = manifest === null ? null : manifestText(manifest)
    const live = work.places.live(change.module)
    if ((await fs.stat(live))?.kind !== 'directory') continue
    await refuseMounts(work.parts, live, change.kind, namesOf(manifest))
    const before = await records.manifest(work.app.name, change.module)
    await refuseExchange(work, profile, change, { before, after: manifest })
    await takeAfter(fs, live, into)
  }
  await fs.syncTree(work.transaction.work)
  return manifests
}

/** The error, with the module that it came up in. */
function blaming(module: string, thrown: unknown): ChasquiError {
  const { code, message, hint } = asChasquiError(thrown)
  return new ChasquiError(code, message, { module, cause: thrown, ...(hint === undefined ? {} : { hint }) })
}

async function stageOne(
  work: Work,
  records: Records,
  change: ModuleChange,
  into: string
): Promise<Manifest | null> {
  const { restores } = work.transaction
  if (restores !== undefined) {
    return copyBackup(work.parts.fs, records, work.app, restores.backup, change, into)
  }
  if (change.release === null) return null
  const installed = await records.manifest(work.app.name, change.module)
  const base = installed === null ? null : { live: work.places.live(change.module), manifest: installed }
  const { module, track, from, release } = change
  const manifest = await work.parts.stage({ module, track, from, release }, into, base)
  if (manifestRoot(manifest) === release.files.root) return manifest
  throw new ChasquiError('STAGED_WRONG', `the files of ${module}@${release.version} are not the signed ones`)
}

export const rehearse: StepFunction = async (work, profile, records) => {
  await refuseLostPrograms(work, records)
  if (work.transaction.kind === 'update') await profile.rehearse(work)
  return undefined
}

export const stop: StepFunction = async (work, profile, records) => {
  for (const change of work.transaction.changes) await verifyStaged(work, change)
  if (await isDownAndEmpty(work, profile, records)) {
    work.transaction.wasDown = true
    await work.save()
  }
  work.transaction.stoppedAt = work.parts.clock.now()
  await profile.stop(work, false)
  return undefined
}

/** Nothing is installed, and what will run it is known not to run. */
async function isDownAndEmpty(work: Work, profile: Profile, records: Records): Promise<boolean> {
  if ((await records.installed(work.app.name)).length > 0) return false
  return profile.isDown(work).catch(() => false)
}

/**
 * Hashes the staged files: what is swapped in is what was signed. What each of them is to the system is noted before it is
 * read, so that a change beneath the hashing is seen too.
 */
async function verifyStaged(work: Work, { module, release }: ModuleChange): Promise<void> {
  if (release === null) return
  const { fs, platform } = work.parts
  const root = work.places.staged(module)
  const { before, after } = await work.fileLists(module)
  if (after === null) throw wrong(module, `the file list of ${module} is gone`)
  const identities = await fs.identities(root)
  const { changed, missing } = await differences(fs, root, after, platform !== 'win32')
  const extra = await foreignEntries(fs, root, namesOf(after))
  const [first, ...more] = [...changed, ...missing, ...extra]
  if (first !== undefined) {
    throw wrong(module, `${more.length + 1} staged files of ${module} are not as signed: ${first}`)
  }
  work.verified.set(module, { identities, before, after })
}

/** Hashes them again, unless the system says that each of them is what was hashed before (decision 0611). */
async function verifyStagedAgain(work: Work, change: ModuleChange): Promise<void> {
  const verified = work.verified.get(change.module)
  if (verified !== undefined && (await isUntouched(work, change.module, verified))) return
  await verifyStaged(work, change)
}

async function isUntouched({ parts, places }: Work, module: string, verified: Verified): Promise<boolean> {
  const now = await parts.fs.identities(places.staged(module))
  if (now.size !== verified.identities.size) return false
  for (const [path, identity] of now) if (verified.identities.get(path) !== identity) return false
  return true
}

function wrong(module: string, message: string): ChasquiError {
  return new ChasquiError('STAGED_WRONG', message, {
    module,
    hint: 'something else writes to the work folder, or the disk is failing'
  })
}

export const backUp: StepFunction = async (work, profile) => {
  const { fs } = work.parts
  const { transaction, places } = work
  await ensureDirectory(fs, places.backup, PRIVATE)
  const database = await profile.backUp(work, places.database)
  transaction.database = database ? { files: await readBack(fs, places.database) } : null
  if (database) await profile.verifyBackup(work, places.database)
  // the dump may have taken long
  for (const change of transaction.changes) await verifyStagedAgain(work, change)
  const operations: Operation[] = []
  // what was made here is synced by name: a sync of the whole volume would wait for everybody's writes, in downtime
  const touched = new Set([transaction.work, dirname(places.backup), places.backup])
  for (const change of transaction.changes) {
    const plan = await planExchange(work, profile, change)
    operations.push(...plan.operations)
    for (const folder of plan.touched) touched.add(folder)
  }
  await syncFolders(fs, touched)
  const { id, changes } = transaction
  const info = { schema: 1, app: work.app.name, transaction: id, changes, database: transaction.database }
  await writeFileDurably(fs, join(places.backup, 'backup.json'), Buffer.from(JSON.stringify(info, null, 2)))
  return {
    [KEYS.operations(work.app.name)]: { transaction: id, operations }
  }
}

export const swap: StepFunction = async (work, _profile, records) => {
  const { operations } = await records.exchange(work.app.name, work.transaction.id)
  await perform(work.parts, operations)
  return undefined
}

export const migrate: StepFunction = async (work, profile) => {
  const { kind, restores } = work.transaction
  await profile.lock(work)
  if (kind === 'update') {
    await profile.migrate(work)
    await runNamedSteps(work)
  } else if (restores?.withDatabase !== true) await profile.refresh(work)
  if (restores?.withDatabase === true) {
    const from = join(dirname(work.places.backup), restores.backup, 'database')
    await profile.restore(work, from, true)
  }
  return undefined
}

/** A release names steps; what they run is the operator's (preflight has refused names that are not allowed here). */
async function runNamedSteps(work: Work): Promise<void> {
  for (const { module, from, to, release } of work.transaction.changes) {
    for (const name of release?.steps ?? []) {
      const argv = Object.hasOwn(work.app.steps, name) ? work.app.steps[name] : undefined
      if (argv === undefined) continue
      const values = { module, from: from ?? '', to: to ?? '', version: to ?? '' }
      const timeout = work.app.commands?.timeout ?? STEP_TIMEOUT
      await mustRun(work, `the step "${name}"`, argv, 'MIGRATION_FAILED', { values, timeout, module })
    }
  }
}

export const start: StepFunction = async (work, profile, records) => {
  if (await leavesNothing(work, records)) return undefined
  if (work.transaction.interruptions > 0) await profile.stop(work, true)
  work.transaction.logMarks = await markLogs(work, await checksOf(work, profile))
  await profile.start(work)
  work.transaction.runningAt = work.parts.clock.now()
  return { [KEYS.logMarks(work.app.name)]: work.transaction.logMarks }
}

export const check: StepFunction = async (work, profile, records) => {
  if (await leavesNothing(work, records)) return undefined
  const context = contextFor(work, profile, records, work.transaction)
  work.transaction.checks = await runChecks(await checksOf(work, profile), context)
  for (const result of work.transaction.checks) {
    work.note(`${result.ok ? 'ok' : 'FAILED'} ${result.name}: ${result.message}\n`)
  }
  const { checks, failingBefore } = work.transaction
  const failure = failureOf(checks.filter(({ name }) => !failingBefore.includes(name)))
  if (failure !== null) throw failure
  return undefined
}

export const commit: StepFunction = async (work, profile) => {
  await profile.letUp(work)
  await profile.unlock(work)
  return undefined
}
