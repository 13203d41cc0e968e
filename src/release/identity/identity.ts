// What a module says about itself, whichever of its files says it.
import type { VersionOrder } from '../version.ts'

export interface Identity {
  /** the file that was read */
  source: string
  module?: string
  version?: string
  track?: string
  order?: VersionOrder
  /** names of modules that it needs, released by whomever */
  depends?: string[]
  title?: string
  /** Odoo: false means that the module cannot be installed */
  installable?: boolean
}

export interface IdentityContext {
  /** name of the module's folder */
  folder: string
  /** track given by the user or known from earlier releases */
  track?: string | undefined
  /** names of the folders in migrations/ and upgrades/ */
  migrations?: readonly string[]
}

/** A name from outside as a module name: `@scope/name` → `scope-name`, small letters; not checked further. */
export function toModuleName(name: string): string {
  return name.trim().toLowerCase().replace(/^@/, '').replaceAll('/', '-').replace(/\s+/g, '-')
}

export function decodeUtf8(bytes: Uint8Array): string | null {
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes)
  } catch {
    return null
  }
}
