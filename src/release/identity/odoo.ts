// Identity of an Odoo addon from its __manifest__.py: version with its series, dependencies, and the refusals that save a
// branch from a silent non-update: wrong series, a migration folder above the version, missing dependencies.
import { ChasquiError } from '../../errors.ts'
import { compareVersions, isVersion } from '../version.ts'
import { decodeUtf8, type Identity, type IdentityContext } from './identity.ts'
import { type PythonValue, parsePythonLiteral } from './python-literal.ts'

export const ODOO_MANIFEST = '__manifest__.py'

const SERIES = /^[1-9]\d?\.0$/
const SHORT_VERSION = /^\d+\.\d+(\.\d+)?$/
const ALWAYS = '0.0.0' // a migration folder that Odoo runs at every update

/** Throws ODOO_MANIFEST_INVALID, ODOO_WRONG_SERIES, ODOO_MIGRATION_ABOVE, VERSION_INVALID. */
export function readOdooIdentity(bytes: Uint8Array, context: IdentityContext): Identity {
  const text = decodeUtf8(bytes)
  if (text === null) throw invalid('it is not UTF-8')
  const manifest = parsePythonLiteral(text)
  if (!(manifest instanceof Map)) throw invalid('it is not a dictionary')
  const title = optionalString(manifest, 'name')
  const written = optionalString(manifest, 'version')
  const identity: Identity = {
    source: ODOO_MANIFEST,
    module: context.folder,
    depends: stringList(manifest, 'depends'),
    installable: manifest.get('installable') !== false,
    order: 'odoo',
    ...(title === undefined ? {} : { title })
  }
  if (written === undefined) return identity
  const { version, series } = withSeries(written, context)
  refuseMigrationsAbove(version, series, context.migrations ?? [])
  return { ...identity, version, track: series }
}

/** Odoo's own rule (adapt_version): a version without the series gets it. */
function withSeries(written: string, context: IdentityContext): { version: string; series: string } {
  const version = written.trim()
  const given = context.track !== undefined && SERIES.test(context.track) ? context.track : undefined
  const own = isVersion('odoo', version) ? version.split('.', 2).join('.') : undefined
  // "17.0.1" could be short, but Odoo takes a version that starts with the series as complete
  if (own !== undefined && (given === undefined || own === given)) return { version, series: own }
  const looksFull = own !== undefined && version.split('.').length > 3
  if (given !== undefined && !looksFull && SHORT_VERSION.test(version)) {
    return { version: `${given}.${version}`, series: given }
  }
  if (own !== undefined && given !== undefined) {
    throw new ChasquiError('ODOO_WRONG_SERIES', `version ${version} is not of the series ${given}`, {
      hint: `publish it on --track ${own}, or correct the version in the manifest`
    })
  }
  throw new ChasquiError('VERSION_INVALID', `"${version.slice(0, 64)}" is not an Odoo version`, {
    hint: SHORT_VERSION.test(version)
      ? 'say the series with --track 17.0, or write it in the manifest: 17.0.1.2.3'
      : 'write it as series.x.y.z: 17.0.1.2.3'
  })
}

function refuseMigrationsAbove(version: string, series: string, folders: readonly string[]): void {
  for (const folder of folders) {
    if (folder === ALWAYS) continue
    const full =
      SHORT_VERSION.test(folder) && !folder.startsWith(`${series}.`) ? `${series}.${folder}` : folder
    if (!isVersion('odoo', full) || compareVersions('odoo', full, version) <= 0) continue
    throw new ChasquiError(
      'ODOO_MIGRATION_ABOVE',
      `the migration folder ${folder.slice(0, 64)} is above the version ${version}: Odoo would never run it`,
      { hint: `raise the version in ${ODOO_MANIFEST}, or rename the folder` }
    )
  }
}

/** Throws ODOO_DEPENDENCY_MISSING when a dependency is not in the known set of modules. */
export function checkDependencies(
  module: string,
  depends: readonly string[],
  known: ReadonlySet<string>
): void {
  const missing = depends.filter((name) => !known.has(name))
  if (missing.length === 0) return
  throw new ChasquiError(
    'ODOO_DEPENDENCY_MISSING',
    `${module} depends on ${missing.slice(0, 5).join(', ')}`,
    {
      hint: 'publish that module too, or correct "depends" in the manifest'
    }
  )
}

function optionalString(manifest: Map<string, PythonValue>, key: string): string | undefined {
  const value = manifest.get(key)
  if (value === undefined || value === null) return undefined
  if (typeof value !== 'string') throw invalid(`"${key}" is not a string`)
  return value
}

function stringList(manifest: Map<string, PythonValue>, key: string): string[] {
  const value = manifest.get(key) ?? []
  if (!Array.isArray(value) || !value.every((item) => typeof item === 'string')) {
    throw invalid(`"${key}" is not a list of strings`)
  }
  return value
}

function invalid(why: string): ChasquiError {
  return new ChasquiError('ODOO_MANIFEST_INVALID', `the Odoo manifest cannot be read: ${why}`, {
    hint: `correct ${ODOO_MANIFEST}`
  })
}
