// A home: the folder where one publisher or one node keeps its keys, feeds, state and chasqui.toml. Knows the layout of
// the folder, who owns it and what role it has; opens nothing else.
import { open } from 'node:fs'
import { stat } from 'node:fs/promises'
import { homedir } from 'node:os'
import { join, resolve } from 'node:path'
import { promisify } from 'node:util'
import FDLock from 'fd-lock'
import { z } from 'zod'
import { ChasquiError } from '../errors.ts'
import { ensureDirectory, readFileLimited, writeFileDurably } from './durable.ts'
import { realFileSystem } from './real-file-system.ts'

export type Role = 'publisher' | 'node'

/** Characters of the name of a fleet or a node. */
export const NAME_LIMIT = 200

const homeFile = z.strictObject({
  schema: z.literal(1),
  role: z.enum(['publisher', 'node']),
  name: z.string().min(1).max(NAME_LIMIT),
  /** fleet id, hex: the SHA-256 of root version 1 */
  fleet: z.string().regex(/^[0-9a-f]{64}$/)
})
export type HomeIdentity = z.infer<typeof homeFile>

/** Bytes of a Unix socket's path that every system takes (macOS 103, Linux 107). */
const SOCKET_PATH_LIMIT = 103
const HOME_FILE_LIMIT = 64 * 1024 // bytes

/** Where things are in a home. */
export interface HomePaths {
  root: string
  identity: string
  config: string
  keys: string
  /** accepted TUF metadata and the root chain */
  trust: string
  store: string
  state: string
  journal: string
  staging: string
  logs: string
  lock: string
  /** Unix socket, or named pipe on Windows, of the running daemon */
  control: string
}

/** Where everything of the home at `directory` is; looks at nothing. */
export function homePaths(directory: string): HomePaths {
  const root = resolve(directory)
  return {
    root,
    identity: join(root, 'home.json'),
    config: join(root, 'chasqui.toml'),
    keys: join(root, 'keys'),
    trust: join(root, 'trust'),
    store: join(root, 'store'),
    state: join(root, 'state'),
    journal: join(root, 'journal'),
    staging: join(root, 'staging'),
    logs: join(root, 'logs'),
    lock: join(root, 'lock'),
    control:
      process.platform === 'win32'
        ? `\\\\.\\pipe\\chasqui-${Buffer.from(root).toString('hex').slice(-120)}`
        : join(root, 'control.sock')
  }
}

/** Throws HOME_PATH_LONG when no daemon could serve its socket there. */
export function checkSocketPath(path: string): void {
  if (process.platform === 'win32' || Buffer.byteLength(path) <= SOCKET_PATH_LIMIT) return
  throw new ChasquiError('HOME_PATH_LONG', `${path} is too long for a socket`, {
    hint: `the path of a home has at most ${SOCKET_PATH_LIMIT - '/control.sock'.length} bytes: choose another folder, or a link to it`
  })
}

/** The home that applies when --home was not given: CHASQUI_HOME, else the per-user data folder. Throws HOME_MISSING where the user has none. */
export function defaultHome(environment: NodeJS.ProcessEnv): string {
  const fromEnvironment = environment.CHASQUI_HOME
  if (fromEnvironment !== undefined && fromEnvironment !== '') return resolve(fromEnvironment)
  if (process.platform === 'win32') {
    return join(environment.LOCALAPPDATA ?? join(userFolder(), 'AppData', 'Local'), 'chasqui')
  }
  return join(environment.XDG_DATA_HOME ?? join(userFolder(), '.local', 'share'), 'chasqui')
}

function userFolder(): string {
  try {
    return homedir()
  } catch (cause) {
    // no HOME, and a user id that the system does not know: a container, a service
    throw new ChasquiError('HOME_MISSING', 'this user has no folder of its own to keep a home in', {
      cause,
      hint: 'name one with --home or CHASQUI_HOME'
    })
  }
}

/** Writes home.json into a new or empty home. Throws HOME_EXISTS when there is one already, HOME_PATH_LONG. */
export async function createHome(paths: HomePaths, identity: HomeIdentity): Promise<void> {
  if ((await realFileSystem.stat(paths.identity)) !== null) {
    throw new ChasquiError('HOME_EXISTS', `${paths.root} already holds a home`, {
      hint: 'choose another folder with --home'
    })
  }
  checkSocketPath(paths.control)
  await ensureDirectory(realFileSystem, paths.root, 0o700)
  const text = `${JSON.stringify(homeFile.parse(identity), null, 2)}\n`
  await writeFileDurably(realFileSystem, paths.identity, Buffer.from(text), 0o600)
}

/** The name of a home that there is already. */
export async function renameHome(paths: HomePaths, identity: HomeIdentity, name: string): Promise<void> {
  const text = `${JSON.stringify(homeFile.parse({ ...identity, name }), null, 2)}\n`
  await writeFileDurably(realFileSystem, paths.identity, Buffer.from(text), 0o600)
}

/** Reads home.json. Throws HOME_MISSING, HOME_NOT_OWNER, HOME_OTHER_ROLE or HOME_DAMAGED. */
export async function readHome(paths: HomePaths, role?: Role): Promise<HomeIdentity> {
  await refuseForeignOwner(paths)
  const bytes = await readFileLimited(realFileSystem, paths.identity, HOME_FILE_LIMIT)
  if (bytes === null) throw missingHome(paths)
  const identity = parseHome(bytes, paths)
  if (role !== undefined && identity.role !== role) {
    throw new ChasquiError(
      'HOME_OTHER_ROLE',
      `${paths.root} is the home of a ${identity.role}, not of a ${role}`,
      {
        hint: `use "chasqui ${identity.role} …", or another folder with --home`
      }
    )
  }
  return identity
}

function parseHome(bytes: Uint8Array, paths: HomePaths): HomeIdentity {
  try {
    return homeFile.parse(JSON.parse(Buffer.from(bytes).toString('utf8')))
  } catch (cause) {
    throw new ChasquiError('HOME_DAMAGED', `${paths.identity} cannot be read`, {
      cause,
      hint: 'restore it from a backup of the home'
    })
  }
}

function missingHome(paths: HomePaths): ChasquiError {
  return new ChasquiError('HOME_MISSING', `there is no Chasqui home in ${paths.root}`, {
    hint: 'name the right folder with --home, or make one with "publisher init" or "node join"'
  })
}

async function refuseForeignOwner(paths: HomePaths): Promise<void> {
  const user = process.getuid?.()
  const owner = await stat(paths.root).then(
    (found) => found.uid,
    () => user
  )
  if (user === undefined || owner === user) return
  throw new ChasquiError('HOME_NOT_OWNER', `${paths.root} belongs to user ${owner}, this is user ${user}`, {
    hint: 'run the command as the owner of the home (sudo -u …)'
  })
}

const openDescriptor = (path: string) => promisify(open)(path, 'a', 0o600)

export interface HomeLock {
  release(): Promise<void>
}

/** Takes the home for this process until `release` or exit. Throws HOME_LOCKED, HOME_MISSING, HOME_NOT_OWNER. */
export async function lockHome(paths: HomePaths): Promise<HomeLock> {
  if ((await realFileSystem.stat(paths.root)) === null) throw missingHome(paths)
  await refuseForeignOwner(paths) // before the first file of ours is made in it
  // a bare descriptor, which the lock closes: a FileHandle would be closed, and the home unlocked, when it is collected
  const lock = new FDLock(await openDescriptor(paths.lock), { wait: false })
  try {
    await lock.ready()
  } catch (cause) {
    throw new ChasquiError('HOME_LOCKED', `another process works on ${paths.root}`, {
      cause,
      hint: 'wait for it to end, or stop it'
    })
  }
  return { release: () => lock.close() }
}
