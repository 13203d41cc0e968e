// Small signed files between head office and branches that travel with the stick: requests (to join, to sign) and grants
// (the answers, orders to apply). What they say and who may say it is the home's business; a letter is opaque here.
import { randomInt } from 'node:crypto'
import { LIMITS } from '../trust/limits.ts'
import { listStick, readStickBytes, removeStickFile, type StickFolder, writeStickBytes } from './folder.ts'
import type { Letter, LetterBox, LetterFolder, StickVisit } from './home.ts'

/** FORMAT 12.6: letters that are read */
const FILES: Record<LetterFolder, number> = { requests: 200, grants: 10_000 }
const BYTES = { signing: LIMITS.requestBytes, other: 256 * 1024 }
const FOLDERS: readonly LetterFolder[] = ['requests', 'grants']
const LETTER_NAME = /^[a-z0-9][a-z0-9._-]{0,119}$/

/** Bytes that a letter may have: what is to be signed, and the answer to it, are as large as a publish of a large fleet. */
export function letterLimit(folder: LetterFolder, name: string): number {
  return folder === 'requests' || name.startsWith('sign-') ? BYTES.signing : BYTES.other
}

/** Shows every letter on the stick to the home; returns how many it took. Bad letters are the home's to refuse. */
export async function takeLetters(folder: StickFolder, box: LetterBox, visit: StickVisit): Promise<number> {
  let taken = 0
  await eachLetter(folder, async (letter) => {
    if (await box.take(letter, visit)) taken++
  })
  return taken
}

async function eachLetter(folder: StickFolder, visit: (letter: Letter) => Promise<void>): Promise<void> {
  for (const place of FOLDERS) {
    const names = (await listStick(folder, [place])).filter((name) => LETTER_NAME.test(name))
    for (const name of someOf(names, FILES[place])) {
      const bytes = await readStickBytes(folder, [place, name], letterLimit(place, name)).catch(ignoreForeign)
      if (bytes !== null) await visit({ folder: place, name, bytes })
    }
  }
}

/** At most `count` in their order, from anywhere when there are more: names that somebody planted hide no letter for good. */
function someOf(names: readonly string[], count: number): string[] {
  if (names.length <= count) return [...names]
  const start = randomInt(names.length)
  return [...names.slice(start), ...names.slice(0, start)].slice(0, count)
}

/** Every letter that can be read. */
export async function listLetters(folder: StickFolder): Promise<Letter[]> {
  const letters: Letter[] = []
  await eachLetter(folder, async (letter) => void letters.push(letter))
  return letters
}

/** Takes letters away that are over for this home. */
export async function dropSpentLetters(folder: StickFolder, box: LetterBox): Promise<void> {
  const { isSpent } = box
  if (isSpent === undefined) return
  await eachLetter(folder, async (letter) => {
    if (await isSpent(letter)) await removeStickFile(folder, [letter.folder, letter.name])
  })
}

/** Puts letters on the stick; returns how many were not there. */
export async function giveLetters(folder: StickFolder, letters: readonly Letter[]): Promise<number> {
  let given = 0
  for (const letter of letters) {
    requireName(letter)
    const path = [letter.folder, letter.name]
    const there = await readStickBytes(folder, path, letterLimit(letter.folder, letter.name)).catch(
      ignoreForeign
    )
    if (there !== null && Buffer.from(there).equals(letter.bytes)) continue
    await writeStickBytes(folder, path, letter.bytes)
    given++
  }
  return given
}

function requireName({ folder, name, bytes }: Letter): void {
  if (!LETTER_NAME.test(name) || bytes.length > letterLimit(folder, name))
    throw new TypeError(`no letter: ${name}`)
}

function ignoreForeign(error: unknown): null {
  const code = (error as { code?: string }).code
  if (code === 'FILE_TOO_LARGE' || code === 'STICK_LINK' || code === 'DISK_IO') return null
  throw error
}
