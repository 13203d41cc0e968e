// A new site from the stick alone: the program's archives as they were given, their hashes, a PIN-protected invite, and
// start scripts for a person to run. Chasqui itself never runs or reads anything in this folder.

import { createHash } from 'node:crypto'
import { basename, join } from 'node:path'
import { ChasquiError } from '../errors.ts'
import { removeTree } from '../system/durable.ts'
import type { FileReader, FileSystem } from '../system/file-system.ts'
import { stopIfCancelled } from './cancel.ts'
import { makeStickFolder, type StickFolder, writeStickBytes } from './folder.ts'
import { onStick } from './on-stick.ts'

export interface InstallerRequest {
  /** absolute paths of archives (.tar.gz for Linux, .zip for Windows) */
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
const ARCHIVE_NAME = /^[A-Za-z0-9][A-Za-z0-9._-]{0,99}\.(tar\.gz|tgz|zip)$/

/** Bytes that the installer takes. Throws STICK_INSTALLER. */
export async function measureInstaller(fs: FileSystem, request: InstallerRequest): Promise<number> {
  let bytes = 0
  for (const path of request.archives) {
    const found = await fs.stat(path)
    if (found?.kind !== 'file') throw unfit(path, 'it is not a file')
    if (!ARCHIVE_NAME.test(basename(path)))
      throw unfit(path, 'its name must end in .tar.gz or .zip, without spaces')
    if (found.size > ARCHIVE_LIMIT) throw unfit(path, 'FAT32 holds no file of 4 GiB or more')
    bytes += found.size
  }
  return bytes
}

/** Writes `installer/`; files there that were not named stay. */
export async function writeInstaller(
  source: FileSystem,
  folder: StickFolder,
  request: InstallerRequest,
  signal: AbortSignal
): Promise<InstallerFile[]> {
  const files: InstallerFile[] = []
  for (const path of request.archives) files.push(await copyArchive(source, folder, path, signal))
  const put = (name: string, text: string) =>
    writeStickBytes(folder, ['installer', name], Buffer.from(text, 'utf8'))
  await put('SHA256SUMS', files.map(({ file, sha256 }) => `${sha256}  ${file}\n`).join(''))
  if (request.invite !== null) await put('invite.txt', `${request.invite.trim()}\n`)
  await put('start.sh', START_SH)
  await put('start.cmd', START_CMD.replaceAll('\n', '\r\n'))
  return files
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
  const writer = await folder.fs.createFile(temporary, 0o644)
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

const START_SH = `#!/bin/sh
# Puts Chasqui on this machine from this stick: sh start.sh [FOLDER]
# Compare the hashes below with those on the invite sheet from head office before you go on.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
target=\${1:-"$HOME/chasqui"}
cd "$here"
cat SHA256SUMS
sha256sum -c SHA256SUMS
archive=$(ls -- *linux-x64*.tar.gz | tail -n 1)
mkdir -p "$target"
tar -xzf "$archive" -C "$target" --strip-components=1
if [ -f invite.txt ] && ! "$target/chasqui" node status >/dev/null 2>&1; then
  pin=$(mktemp)
  trap 'rm -f "$pin"' EXIT
  printf 'PIN: '
  read -r answer
  printf '%s' "$answer" >"$pin"
  "$target/chasqui" node join invite.txt --pin-file "$pin"
fi
"$target/chasqui" usb-sync sync "$here/../.."
echo "done: start it with $target/chasqui node run"
`

const START_CMD = `@echo off
rem Puts Chasqui on this machine from this stick: start.cmd [FOLDER]
rem Compare the hashes below with those on the invite sheet from head office before you go on.
setlocal
set "here=%~dp0"
set "target=%~1"
if "%target%"=="" set "target=%LOCALAPPDATA%\\chasqui-program"
cd /d "%here%" || exit /b 1
type SHA256SUMS
for %%f in (*win-x64*.zip) do set "archive=%%f"
certutil -hashfile "%archive%" SHA256 || exit /b 1
mkdir "%target%" 2>nul
tar -xf "%archive%" -C "%target%" --strip-components=1 || exit /b 1
if not exist invite.txt goto sync
set "pin=%TEMP%\\chasqui-pin-%RANDOM%.txt"
set /p "answer=PIN: "
>"%pin%" echo %answer%
call "%target%\\chasqui.cmd" node join invite.txt --pin-file "%pin%"
set "failed=%ERRORLEVEL%"
del "%pin%"
if not "%failed%"=="0" exit /b %failed%
:sync
call "%target%\\chasqui.cmd" usb-sync sync "%here%..\\.." || exit /b 1
echo done: start it with "%target%\\chasqui.cmd" node run
`
