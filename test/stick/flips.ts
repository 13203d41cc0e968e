// Flips bytes of a small stick, one at a time, and lets a fresh branch import it: nothing that the publisher did not sign
// may come in, and what was refused is named.
import { readdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { TestContext } from 'node:test'
import { ChasquiError } from '../../src/errors.ts'
import { inspectStick } from '../../src/stick/inspect.ts'
import { realFileSystem } from '../../src/system/file-system.ts'
import { exportAll, importAll, isPartOf, publish } from './scene.ts'
import { never, openTestHome, type TestHome, temporaryFolder } from './support.ts'

export interface FlipOutcomes {
  /** flipped bytes that no reader uses, or only people read */
  harmless: number
  /** named, with a code; the rest came in or nothing did */
  refused: Record<string, number>
  /** something came in that was not signed, or damage that was not noticed */
  wrong: string[]
}

/** For people only: no program reads them, so a sample will do. */
const PAGES = /README\.txt$|STATUS\.html$/

/** Flips every `step`-th byte of every file of a stick with one small release, from byte `from` on. */
export async function flipBytes(t: TestContext, step: number, from = 0): Promise<FlipOutcomes> {
  const publisher = await openTestHome(t, { seed: 1 })
  await publish(publisher, 1, 200)
  const stick = await temporaryFolder(t)
  await exportAll(publisher, stick)
  const outcomes: FlipOutcomes = { harmless: 0, refused: {}, wrong: [] }
  const root = join(stick, 'chasqui')
  const entries = await readdir(root, { recursive: true, withFileTypes: true })
  const files = entries.filter((entry) => entry.isFile()).map((entry) => join(entry.parentPath, entry.name))
  const originals = new Map<string, Buffer>()
  for (const file of files.sort()) originals.set(file, await readFile(file))
  let at = from
  for (const [file, original] of originals) {
    const stride = PAGES.test(file) ? Math.max(step, 97) : step
    for (; at < original.length; at += stride) {
      await flipOne(t, { stick, file, original, at, publisher, outcomes })
      for (const [path, bytes] of originals) await writeFile(path, bytes)
    }
    at = Math.max(0, at - original.length)
  }
  return outcomes
}

interface Flip {
  stick: string
  file: string
  original: Buffer
  at: number
  publisher: TestHome
  outcomes: FlipOutcomes
}

async function flipOne(t: TestContext, flip: Flip): Promise<void> {
  const { stick, file, original, at, publisher, outcomes } = flip
  const flipped = Buffer.from(original)
  flipped.writeUInt8(flipped.readUInt8(at) ^ (1 << (at % 8)), at)
  await writeFile(file, flipped)
  const seen = await inspectStick(realFileSystem, stick, { everyByte: true, signal: never })
  const branch = await openTestHome(t, { key: publisher.feed.db.key, node: '0b'.repeat(32) })
  const code = await importAll(branch, stick).then(
    ({ rejected }) => rejected[0]?.code ?? null,
    (error: unknown) => (error instanceof ChasquiError ? error.code : String(error))
  )
  const name = `${file.slice(stick.length)} byte ${at}`
  const same =
    (await isPartOf(branch.feed.db, publisher.feed.db)) &&
    (await isPartOf(await branch.feed.blobs(), await publisher.feed.blobs()))
  if (!same) outcomes.wrong.push(`${name}: an unsigned block came in`)
  if (code !== null) outcomes.refused[code] = (outcomes.refused[code] ?? 0) + 1
  else outcomes.harmless++
  if (file.endsWith('.seg') && (code === null || seen.state !== 'damaged'))
    outcomes.wrong.push(`${name}: not noticed`)
  await branch.remove()
}
