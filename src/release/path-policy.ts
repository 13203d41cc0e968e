// Paths that a release may hold (FORMAT 2.2). One rule for every system: a path that Windows, macOS or Linux would refuse,
// reinterpret or fold into another one is refused everywhere, so that a release means the same tree wherever it lands.
import { ChasquiError, type ErrorCode } from '../errors.ts'

const PATH_LIMITS = {
  path: 240, // UTF-16 units in all: leaves room for a root within Windows' 260
  segment: 200, // UTF-8 bytes of one name: leaves room for a suffix within the 255 of ext4 and NTFS
  depth: 64 // names in one path
} as const

/** Unicode that is invisible, changes direction or is unassigned to characters: never part of an honest file name. */
const UNCLEAN = /[\p{Cc}\p{Cs}\u00ad\u061c\u180e\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufff9-\uffff]/u
const WINDOWS_CHARACTERS = /[<>:"|?*]/
const WINDOWS_DEVICE =
  /^(con|prn|aux|nul|conin\$|conout\$|clock\$|(com|lpt)[0-9\u00b9\u00b2\u00b3])[ ]*(\.|$)/i
/** The short alias that Windows gives a long name (PROGRA~1): it would be another name of another file. */
const SHORT_ALIAS = /^[^.]{1,6}~[0-9]{1,6}(\.[^.]{0,3})?$/

/** Throws PATH_INVALID, PATH_UNPORTABLE or PATH_TOO_LONG. */
export function checkPath(path: string): void {
  const segments = path.split('/')
  if (path.length > PATH_LIMITS.path || segments.length > PATH_LIMITS.depth) throw tooLong(path)
  if (UNCLEAN.test(path)) throw refuse('PATH_INVALID', path, 'it has control or invisible characters')
  if (path.includes('\\')) throw refuse('PATH_INVALID', path, 'it has a backslash')
  if (path !== path.normalize('NFC')) throw refuse('PATH_INVALID', path, 'it is not in Unicode form NFC')
  for (const segment of segments) checkSegment(segment, path)
}

function checkSegment(segment: string, path: string): void {
  if (segment === '') throw refuse('PATH_INVALID', path, 'it is absolute or has an empty name in it')
  if (segment === '.' || segment === '..')
    throw refuse('PATH_INVALID', path, `it has "${segment}" as a name in it`)
  if (segment.length * 3 > PATH_LIMITS.segment && Buffer.byteLength(segment) > PATH_LIMITS.segment) {
    throw tooLong(path)
  }
  if (WINDOWS_CHARACTERS.test(segment)) throw refuse('PATH_UNPORTABLE', path, 'it has one of < > : " | ? *')
  if (/[. ]$/.test(segment)) throw refuse('PATH_UNPORTABLE', path, 'a name in it ends with a dot or a space')
  if (WINDOWS_DEVICE.test(segment)) throw refuse('PATH_UNPORTABLE', path, 'a name in it is a device')
  if (SHORT_ALIAS.test(segment)) throw refuse('PATH_UNPORTABLE', path, 'a name in it is a short alias')
}

/** Checks each path and all of them together. Throws what checkPath throws, PATH_COLLISION and PATH_BENEATH_FILE. */
export function checkPaths(paths: readonly string[]): void {
  const spellings = new Map<string, { path: string; isFile: boolean }>()
  const directories = new Set<string>()
  for (const path of paths) {
    checkPath(path)
    checkDirectories(path, directories, spellings)
    claim(path, true, spellings)
  }
}

type Spellings = Map<string, { path: string; isFile: boolean }>

function checkDirectories(path: string, known: Set<string>, spellings: Spellings): void {
  for (let end = path.lastIndexOf('/'); end > 0; end = path.lastIndexOf('/', end - 1)) {
    const directory = path.slice(0, end)
    if (known.has(directory)) return
    claim(directory, false, spellings)
    known.add(directory)
  }
}

function claim(path: string, isFile: boolean, spellings: Spellings): void {
  const key = foldPath(path)
  const other = spellings.get(key)
  if (other === undefined) {
    spellings.set(key, { path, isFile })
    return
  }
  if (other.path !== path) throw refuse('PATH_COLLISION', path, `it is the same as "${show(other.path)}"`)
  if (other.isFile !== isFile) throw refuse('PATH_BENEATH_FILE', path, 'it is a file and a folder at once')
  if (isFile) throw refuse('PATH_COLLISION', path, 'it is there twice')
}

/** The form under which file systems that ignore case or Unicode form would find a path. */
function foldPath(path: string): string {
  if (/^[a-z0-9_./-]*$/.test(path)) return path
  return path.normalize('NFD').toUpperCase().toLowerCase().normalize('NFD').toUpperCase().toLowerCase()
}

function tooLong(path: string): ChasquiError {
  return refuse('PATH_TOO_LONG', path, `more than ${PATH_LIMITS.path} characters, or a name that is too long`)
}

function refuse(code: ErrorCode, path: string, why: string): ChasquiError {
  return new ChasquiError(code, `"${show(path)}" cannot be in a release: ${why}`, {
    hint: 'rename the file, or leave it out with .chasquiignore'
  })
}

function show(path: string): string {
  const short = path.length > 120 ? `${path.slice(0, 117)}…` : path
  return short.replace(/\p{Cc}/gu, '?')
}
