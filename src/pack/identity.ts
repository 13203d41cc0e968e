// Finds out what a module folder is: reads the file that names it and hands the bytes to the pure readers.
import { basename, join, resolve } from 'node:path'
import { asChasquiError, ChasquiError } from '../errors.ts'
import type { Identity, IdentityContext } from '../release/identity/identity.ts'
import { ODOO_MANIFEST, readOdooIdentity } from '../release/identity/odoo.ts'
import { readPackageJson, readVersionFile } from '../release/identity/simple.ts'
import { checkModuleName, checkTrackName, DEFAULT_TRACK } from '../release/names.ts'
import { isVersion, type VersionOrder } from '../release/version.ts'
import { readFileLimited } from '../system/durable.ts'
import type { ReadableFileSystem } from '../system/file-system.ts'

const IDENTITY_LIMIT = 1024 * 1024 // bytes

type Reader = (bytes: Uint8Array, context: IdentityContext) => Identity

/** In order of preference. */
const READERS: readonly [file: string, read: Reader][] = [
  [ODOO_MANIFEST, readOdooIdentity],
  ['package.json', readPackageJson],
  ['version.txt', readVersionFile]
]

export interface ModuleIdentity {
  module: string
  version: string
  track: string
  order?: VersionOrder
  depends: string[]
  /** the file that named it; null when the user did */
  source: string | null
}

export interface IdentityOverrides {
  module?: string | undefined
  version?: string | undefined
  track?: string | undefined
}

/** True when the folder holds a file that names a module; --each takes such folders. */
export async function looksLikeModule(fs: ReadableFileSystem, folder: string): Promise<boolean> {
  for (const [file] of READERS) if ((await fs.stat(join(folder, file)))?.kind === 'file') return true
  return false
}

/**
 * Name, version and track of the module in `folder`, which its user knows as `name`; what the user gave comes first. Throws NOT_A_DIRECTORY,
 * VERSION_MISSING, MODULE_NAME_INVALID, IDENTITY_INVALID, ODOO_*, VERSION_INVALID.
 */
export async function readModuleIdentity(
  fs: ReadableFileSystem,
  folder: string,
  given: IdentityOverrides = {},
  name = basename(resolve(folder))
): Promise<ModuleIdentity> {
  if ((await fs.stat(folder))?.kind !== 'directory') {
    throw new ChasquiError('NOT_A_DIRECTORY', `${folder} is not a directory`, {
      hint: 'give the folder of the module'
    })
  }
  const found = await readIdentity(fs, folder, given, name)
  const version = given.version ?? found?.version
  if (version === undefined) throw versionMissing(folder)
  return {
    module: checkModuleName(given.module ?? found?.module ?? name.toLowerCase()),
    version,
    track: checkTrackName(given.track ?? found?.track ?? DEFAULT_TRACK),
    depends: found?.depends ?? [],
    source: found?.source ?? null,
    ...(found?.order !== undefined && isVersion(found.order, version) ? { order: found.order } : {})
  }
}

async function readIdentity(
  fs: ReadableFileSystem,
  folder: string,
  given: IdentityOverrides,
  name: string
): Promise<Identity | null> {
  for (const [file, read] of READERS) {
    const bytes = await readFileLimited(fs, join(folder, file), IDENTITY_LIMIT)
    if (bytes === null) continue
    const migrations = file === ODOO_MANIFEST ? await migrationFolders(fs, folder) : []
    try {
      return read(bytes, { folder: name, track: given.track, migrations })
    } catch (error) {
      if (!isGiven(given, error)) throw error
    }
  }
  return null
}

/** What a file says badly is not needed when the user says it. */
function isGiven({ module, version }: IdentityOverrides, error: unknown): boolean {
  return module !== undefined && version !== undefined && asChasquiError(error).code === 'IDENTITY_INVALID'
}

async function migrationFolders(fs: ReadableFileSystem, folder: string): Promise<string[]> {
  const names: string[] = []
  for (const place of ['migrations', 'upgrades']) {
    if ((await fs.stat(join(folder, place)))?.kind !== 'directory') continue
    names.push(...(await fs.list(join(folder, place))))
  }
  return names
}

function versionMissing(folder: string): ChasquiError {
  const files = READERS.map(([file]) => file).join(', ')
  return new ChasquiError('VERSION_MISSING', `no version was found in ${folder}`, {
    hint: `write it in one of ${files}, or give it with --version`
  })
}
