// Names of modules and tracks: what they may look like, because they become TUF role names, feed paths and folder names.
import { ChasquiError } from '../errors.ts'

export const MODULE_NAME = /^[a-z][a-z0-9_.-]{0,99}$/
export const TRACK_NAME = /^[a-z0-9][a-z0-9_.-]{0,49}$/i

/** The track of a module that has only one. */
export const DEFAULT_TRACK = 'default'

export function isModuleName(name: string): boolean {
  return MODULE_NAME.test(name) && !name.includes('..') && !name.endsWith('.')
}

export function isTrackName(name: string): boolean {
  return TRACK_NAME.test(name) && !name.includes('..') && !name.endsWith('.')
}

/** Throws MODULE_NAME_INVALID. */
export function checkModuleName(name: string): string {
  if (isModuleName(name)) return name
  throw new ChasquiError('MODULE_NAME_INVALID', `"${name.slice(0, 100)}" cannot be the name of a module`, {
    hint: 'start with a small letter; then small letters, digits, "_", "-" and "."; give another name with --module'
  })
}

/** Throws MODULE_NAME_INVALID. */
export function checkTrackName(name: string): string {
  if (isTrackName(name)) return name
  throw new ChasquiError('MODULE_NAME_INVALID', `"${name.slice(0, 100)}" cannot be the name of a track`, {
    hint: 'letters, digits, "_", "-" and ".", at most 50 of them'
  })
}
