// A new site from the stick alone: the program's archives as they were given, their hashes, a PIN-protected invite, and
// start scripts for a person to run. Chasqui itself never runs or reads anything in this folder; what it did not write there
// it takes away, so that nobody takes it for ours.
import { createHash } from 'node:crypto'
import { basename, join } from 'node:path'
import { ChasquiError } from '../errors.ts'
import { removeTree } from '../system/durable.ts'
import type { FileReader, FileSystem } from '../system/file-system.ts'
import { stopIfCancelled } from './cancel.ts'
import { listStick, makeStickFolder, type StickFolder, writeStickBytes } from './folder.ts'
import { onStick } from './on-stick.ts'
import { platformOf, startScripts } from './start-scripts.ts'

export interface InstallerRequest {
  /** absolute paths of archives, one for a platform */
  archives: readonly string[]
  /** text of a PIN-protected invite; null for none */
  invite: string | null
}

export interface InstallerFile {
  file: string
  bytes: number
  sha256: string
}

const CHUNK = 4 * 1024 * 1024 // bytes of one write
const ARCHIVE_LIMIT = 2 ** 32 - 1 // bytes: FAT32 holds no larger file
const ARCHIVE_NAME = /^[A-Za-z0-9][A-Za-z0-9._-]{0,99}$/

/** Bytes that the installer takes. Throws STICK_INSTALLER. */
export async function measureInstaller(fs: FileSystem, request: InstallerRequest): Promise<number> {
  let bytes = 0
  const platforms = new Set<string>()
  for (const path of request.archives) {
    const platform = requireName(path)
    if (platforms.has(platform)) throw unfit(path, `there is another archive for ${platform}`)
    platforms.add(platform)
    const found = await fs.stat(path)
    if (found?.kind !== 'file') throw unfit(path, 'it is not a file')
    if (found.size > ARCHIVE_LIMIT) throw unfit(path, 'FAT32 holds no file of 4 GiB or more')
    bytes += found.size
  }
  if (platforms.size === 0) throw unfit('an invite alone', 'a new site needs the program as well')
  return bytes
}

/** The platform that an archive's name says. */
function requireName(path: string): string {
  const name = basename(path)
  const platform = ARCHIVE_NAME.test(name) ? platformOf(name) : null
  if (platform !== null) return platform
  throw unfit(
    path,
    'its name must end in -linux-x64.tar.gz, -linux-arm64.tar.gz or -win-x64.zip, without spaces'
  )
}

/** Writes `installer/`: afterwards it holds what was named and nothing else. Returns what the invite sheet lists. */
export async function writeInstaller(
  source: FileSystem,
  folder: StickFolder,
  request: InstallerRequest,
  signal: AbortSignal
): Promise<InstallerFile[]> {
  const archives: InstallerFile[] = []
  for (const path of request.archives) archives.push(await copyArchive(source, folder, path, signal))
  const scripts = startScripts(archives)
  const files = [...archives, ...scripts.map(({ name, text }) => describe(name, Buffer.from(text)))]
  const put = (name: string, text: string) =>
    writeStickBytes(folder, ['installer', name], Buffer.from(text, 'utf8'))
  await put('SHA256SUMS', files.map(({ file, sha256 }) => `${sha256}  ${file}\n`).join(''))
  if (request.invite !== null) await put('invite.txt', `${request.invite.trim()}\n`)
  for (const { name, text } of scripts) await put(name, text)
  const named = ['SHA256SUMS', ...(request.invite === null ? [] : ['invite.txt'])]
  await dropOthers(folder, new Set([...named, ...files.map(({ file }) => file)]))
  return files
}

function describe(file: string, bytes: Uint8Array): InstallerFile {
  return { file, bytes: bytes.length, sha256: createHash('sha256').update(bytes).digest('hex') }
}

/** What lay there before, or was put there by somebody else. */
async function dropOthers(folder: StickFolder, named: ReadonlySet<string>): Promise<void> {
  for (const name of await listStick(folder, ['installer'])) {
    if (!named.has(name)) await onStick(() => removeTree(folder.fs, join(folder.root, 'installer', name)))
  }
}

function copyArchive(
  source: FileSystem,
  folder: StickFolder,
  path: string,
  signal: AbortSignal
): Promise<InstallerFile> {
  return onStick(async () => {
    await makeStickFolder(folder, ['installer'])
    const file = basename(path)
    const target = join(folder.root, 'installer', file)
    await removeTree(folder.fs, `${target}.tmp`)
    const reader = await source.openFile(path)
    try {
      const { bytes, sha256 } = await copyDurably(reader, folder, `${target}.tmp`, signal)
      await folder.fs.rename(`${target}.tmp`, target)
      await folder.fs.syncDirectory(join(folder.root, 'installer'))
      return { file, bytes, sha256 }
    } finally {
      await reader.close()
    }
  })
}

async function copyDurably(
  reader: FileReader,
  folder: StickFolder,
  temporary: string,
  signal: AbortSignal
): Promise<{ bytes: number; sha256: string }> {
  const hash = createHash('sha256')
  const writer = await folder.fs.createFile(temporary, 0o644, 'large')
  let bytes = 0
  try {
    for (;;) {
      stopIfCancelled(signal)
      const chunk = await reader.read(bytes, CHUNK)
      if (chunk.length === 0) break
      hash.update(chunk)
      await writer.write(chunk)
      bytes += chunk.length
    }
    await writer.sync()
  } finally {
    await writer.close()
  }
  return { bytes, sha256: hash.digest('hex') }
}

function unfit(path: string, why: string): ChasquiError {
  return new ChasquiError('STICK_INSTALLER', `${path} cannot go on the stick as an installer: ${why}`, {
    hint: 'name archives that "npm run archive" or a release of Chasqui made'
  })
}
