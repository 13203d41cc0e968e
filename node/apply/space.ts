// Is there room for what a transaction writes, on every volume that it writes to? Asked before anything is stopped.
import { dirname } from 'node:path'
import { ChasquiError } from '../../src/errors.ts'
import type { FileSystem } from '../../src/system/file-system.ts'
import type { Profile, SpaceNeed } from '../profiles/profile.ts'
import type { Records } from './records.ts'
import type { ModuleChange } from './types.ts'
import type { AppWork } from './work.ts'

const SPARE = 64 * 1024 * 1024 // bytes that stay free on each volume
const GROWTH = 1.25 // the next database dump against the last one
const ENTRY = 1024 // bytes of the journal for a file: its line in three lists, and the renames that move it

export interface SpaceQuestion {
  work: AppWork
  profile: Profile
  records: Records
  changes: readonly ModuleChange[]
  workFolder: string
}

/** Throws DISK_FULL. */
export async function refuseSpace(question: SpaceQuestion): Promise<void> {
  const { fs } = question.work.parts
  const volumes = new Map<number | string, SpaceNeed[]>()
  for (const need of await needsOf(question)) {
    const path = await existingFolder(fs, need.path)
    const key = (await fs.stat(path))?.device ?? path
    volumes.set(key, [...(volumes.get(key) ?? []), { ...need, path }])
  }
  for (const needs of volumes.values()) await refuseVolume(question.work, needs)
}

async function needsOf({ work, profile, records, changes, workFolder }: SpaceQuestion): Promise<SpaceNeed[]> {
  const sum = (of: (files: { bytes: number; count: number }) => number) =>
    changes.reduce((all, { release }) => all + (release === null ? 0 : of(release.files)), 0)
  const own = await profile.needs(work, workFolder)
  return [
    { path: workFolder, bytes: sum((files) => files.bytes), what: 'the new files' },
    { path: work.parts.home, bytes: sum((files) => files.count) * ENTRY, what: 'the journal' },
    ...(own ?? [await likeLastTime(work, records, workFolder)])
  ]
}

/** A profile that cannot tell how large its database is: as large as its last dump, and a little more. */
async function likeLastTime(work: AppWork, records: Records, workFolder: string): Promise<SpaceNeed> {
  const [last] = await records.backups(work.app.name)
  const dump = last?.database?.files.reduce((sum, file) => sum + file.bytes, 0) ?? 0
  return { path: workFolder, bytes: dump * GROWTH, what: 'the database dump' }
}

/** The path, or the nearest one above it that is there. */
export async function existingFolder(fs: FileSystem, path: string): Promise<string> {
  const isEnd = (await fs.stat(path)) !== null || dirname(path) === path
  return isEnd ? path : existingFolder(fs, dirname(path))
}

async function refuseVolume({ parts }: AppWork, needs: readonly SpaceNeed[]): Promise<void> {
  const path = needs[0]?.path ?? ''
  const needed = Math.ceil(needs.reduce((sum, one) => sum + one.bytes, SPARE))
  const free = await parts.fs.freeSpace(path)
  if (free >= needed) return
  const what = needs.filter((one) => one.bytes > 0).map((one) => `${one.what} ${Math.ceil(one.bytes)}`)
  throw new ChasquiError('DISK_FULL', `${path} needs ${needed} bytes free and has ${free}`, {
    hint: `free some space, or keep fewer backups (backup-keep): ${what.join(', ')}, spare ${SPARE}`
  })
}
