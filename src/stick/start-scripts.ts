// The scripts beside the installer. They name the very archive that was exported, by its SHA-256, and run nothing of it
// before the person has typed the code from the invite sheet. Who had the stick may have changed them as well: that they
// are what was exported is for the person to check first, with a tool that is on the machine already.
import type { InstallerFile } from './installer.ts'

/** hex digits of the archive's SHA-256 that are typed: 64 bits, so that no other file can be made to fit */
export const CODE_DIGITS = 16

/** `uname -s`-`uname -m` of the platforms in the names of archives */
const MACHINES: Readonly<Record<string, string>> = {
  'linux-x64': 'Linux-x86_64',
  'linux-arm64': 'Linux-aarch64 | Linux-arm64'
}

/** An archive's name ends in its platform: `linux-x64`, `win-x64`. Null for a name that says none. */
export function platformOf(name: string): string | null {
  return /-((?:linux-(?:x64|arm64)(?=\.tar\.gz$))|(?:win-x64(?=\.zip$)))/.exec(name)?.[1] ?? null
}

/** start.sh and start.cmd, each when there is an archive for it. Names of archives are plain (installer.ts). */
export function startScripts(archives: readonly InstallerFile[]): { name: string; text: string }[] {
  const linux = archives.filter(({ file }) => platformOf(file)?.startsWith('linux'))
  const windows = archives.find(({ file }) => platformOf(file)?.startsWith('win'))
  return [
    ...(linux.length === 0 ? [] : [{ name: 'start.sh', text: shellScript(linux) }]),
    ...(windows === undefined ? [] : [{ name: 'start.cmd', text: commandScript(windows) }])
  ]
}

function shellScript(archives: readonly InstallerFile[]): string {
  const cases = archives.map(
    ({ file, sha256 }) => `  ${MACHINES[platformOf(file) ?? '']}) archive='${file}' sum='${sha256}' ;;\n`
  )
  return `#!/bin/sh
# Puts Chasqui on this machine from this stick: sh start.sh [FOLDER]
# Whoever had the stick may have changed this file. Before you run it, compare it with the invite sheet from head office:
#   sha256sum start.sh
set -eu
here=$(cd "$(dirname "$0")" && pwd)
target=\${1:-"$HOME/chasqui"}
case "$(uname -s)-$(uname -m)" in
${cases.join('')}  *) echo "STOP: this stick has no program for this machine" >&2; exit 1 ;;
esac
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
trap 'exit 1' HUP INT TERM
# what is checked is what is unpacked, whatever the stick answers the second time
cp "$here/$archive" "$work/archive.tar.gz"
found=$(sha256sum <"$work/archive.tar.gz" | cut -c 1-64)
if [ "$found" != "$sum" ]; then
  echo "STOP: $archive is not what head office put on the stick. Nothing was run. Tell head office." >&2
  exit 1
fi
printf 'Code of %s on the invite sheet (${CODE_DIGITS} digits): ' "$archive"
read -r typed
typed=$(printf '%s' "$typed" | tr -d ' -' | tr 'A-F' 'a-f')
if [ "$typed" != "$(printf '%s' "$found" | cut -c 1-${CODE_DIGITS})" ]; then
  echo "STOP: that is not the code of this archive. Nothing was run. Ask head office." >&2
  exit 1
fi
mkdir -p "$target"
tar -xzf "$work/archive.tar.gz" -C "$target" --strip-components=1
if [ -f "$here/invite.txt" ] && ! "$target/chasqui" node status >/dev/null 2>&1; then
  printf 'PIN: '
  read -r answer
  (umask 077 && printf '%s' "$answer" >"$work/pin")
  "$target/chasqui" node join "$here/invite.txt" --pin-file "$work/pin"
fi
"$target/chasqui" usb-sync sync "$here/../.."
echo "done: start it with $target/chasqui node run"
`
}

function commandScript({ file, sha256 }: InstallerFile): string {
  const text = `@echo off
rem Puts Chasqui on this machine from this stick: start.cmd [FOLDER]
rem Whoever had the stick may have changed this file. Before you run it, compare it with the invite sheet:
rem   %SystemRoot%\\System32\\certutil -hashfile start.cmd SHA256
setlocal EnableExtensions DisableDelayedExpansion
rem by full names: a program of that name in this folder would come first
set "tools=%SystemRoot%\\System32"
set "here=%~dp0"
set "target=%~1"
if not defined target set "target=%LOCALAPPDATA%\\chasqui-program"
set "work=%TEMP%\\chasqui-%RANDOM%%RANDOM%"
mkdir "%work%" || exit /b 1
rem what is checked is what is unpacked, whatever the stick answers the second time
copy /b "%here%${file}" "%work%\\archive.zip" >nul || goto failed
set "found="
for /f "skip=1 delims=" %%h in ('%tools%\\certutil.exe -hashfile "%work%\\archive.zip" SHA256') do if not defined found set "found=%%h"
set "found=%found: =%"
if /i not "%found%"=="${sha256}" (
  echo STOP: ${file} is not what head office put on the stick. Nothing was run. Tell head office.
  goto failed
)
set "typed="
set /p "typed=Code of ${file} on the invite sheet (${CODE_DIGITS} digits): "
if not defined typed goto mistyped
set "typed=%typed: =%"
if /i not "%typed%"=="${sha256.slice(0, CODE_DIGITS)}" goto mistyped
mkdir "%target%" 2>nul
"%tools%\\tar.exe" -xf "%work%\\archive.zip" -C "%target%" --strip-components=1 || goto failed
if not exist "%here%invite.txt" goto sync
call "%target%\\chasqui.cmd" node status >nul 2>nul && goto sync
set /p "answer=PIN: "
>"%work%\\pin.txt" echo %answer%
call "%target%\\chasqui.cmd" node join "%here%invite.txt" --pin-file "%work%\\pin.txt" || goto failed
:sync
call "%target%\\chasqui.cmd" usb-sync sync "%here%..\\.." || goto failed
rmdir /s /q "%work%"
echo done: start it with "%target%\\chasqui.cmd" node run
exit /b 0
:mistyped
echo STOP: that is not the code of this archive. Nothing was run. Ask head office.
:failed
rmdir /s /q "%work%"
exit /b 1
`
  return text.replaceAll('\n', '\r\n')
}
