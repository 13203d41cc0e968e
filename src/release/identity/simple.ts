// Identity from package.json and from version.txt.
import { z } from 'zod'
import { ChasquiError } from '../../errors.ts'
import { VERSION_LIMIT } from '../version.ts'
import { decodeUtf8, type Identity, type IdentityContext, toModuleName } from './identity.ts'

const packageJson = z.looseObject({
  name: z.string().max(214).optional(),
  version: z.string().max(VERSION_LIMIT).optional(),
  description: z.string().optional()
})

/** Throws IDENTITY_INVALID. */
export function readPackageJson(bytes: Uint8Array): Identity {
  const found = packageJson.safeParse(parseJson(bytes))
  if (!found.success) throw invalid('package.json', 'its name or version is not a text')
  const { name, version } = found.data
  return {
    source: 'package.json',
    ...(name === undefined ? {} : { module: toModuleName(name), title: name }),
    ...(version === undefined ? {} : { version: version.trim() })
  }
}

function parseJson(bytes: Uint8Array): unknown {
  const text = decodeUtf8(bytes)
  try {
    if (text !== null) return JSON.parse(text)
  } catch (cause) {
    throw invalid('package.json', 'it is not JSON', cause)
  }
  throw invalid('package.json', 'it is not UTF-8')
}

/** One line: the version, with or without a "v" before it. The folder names the module. Throws IDENTITY_INVALID. */
export function readVersionFile(bytes: Uint8Array, context: IdentityContext): Identity {
  const text = decodeUtf8(bytes)?.trim()
  if (text === undefined || text.length > VERSION_LIMIT + 1 || !/^\S+$/.test(text)) {
    throw invalid('version.txt', 'it must hold the version and nothing else')
  }
  return {
    source: 'version.txt',
    module: toModuleName(context.folder),
    version: text.replace(/^v(?=\d)/i, '')
  }
}

function invalid(file: string, why: string, cause?: unknown): ChasquiError {
  return new ChasquiError('IDENTITY_INVALID', `${file} cannot be read: ${why}`, {
    cause,
    hint: `correct it, or give --module and --version`
  })
}
