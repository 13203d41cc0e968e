// Flips bytes of a small stick, one at a time, and lets a fresh branch import it: nothing that the publisher did not sign
// may come in, and what was refused is named.
import { readdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { TestContext } from 'node:test'
import { isDeepStrictEqual } from 'node:util'
import sodium from 'sodium-native'
import { asChasquiError, ChasquiError } from '../../src/errors.ts'
import { decodeRecord, verifyRecord } from '../../src/fleet/record.ts'
import { type ApplyOrder, checkOrder, encodeOrder, orderBytes } from '../../src/stick/apply-order.ts'
import type { StickVisit } from '../../src/stick/home.ts'
import { inspectStick } from '../../src/stick/inspect.ts'
import { exportStick } from '../../src/stick/round.ts'
import { realFileSystem } from '../../src/system/real-file-system.ts'
import { fleetIdOf } from '../../src/trust/trust.ts'
import { pair, TestFleet } from '../trust/test-fleet.ts'
import { context, everything, importAll, isPartOf, publish, tools } from './scene.ts'
import { never, noise, openTestHome, type TestHome, temporaryFolder, testReport } from './support.ts'

export interface FlipOutcomes {
  /** flipped bytes that no reader uses, or only people read */
  harmless: number
  /** named, with a code; the rest came in or nothing did */
  refused: Record<string, number>
  /** something came in that was not signed, or damage that was not noticed */
  wrong: string[]
}

/** For people only: no program reads them, so a sample will do. */
const PAGES = /README\.txt$|STATUS\.html$|start\.(sh|cmd)$/

/** Files of which every byte is proven by something: a changed one must be seen by `verify`. */
const PROVEN = /\.seg$|\.rep$|root\.json$|SHA256SUMS$|\.tar\.gz$/

/** Flips every `step`-th byte of every file of a stick with one of everything, from byte `from` on. */
export async function flipBytes(t: TestContext, step: number, from = 0): Promise<FlipOutcomes> {
  const { stick, publisher, signed } = await everythingOnce(t)
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
      await flipOne(t, { stick, file, original, at, publisher, signed, outcomes })
      for (const [path, bytes] of originals) await writeFile(path, bytes)
    }
    at = Math.max(0, at - original.length)
  }
  return outcomes
}

/** What somebody signed: all that a branch may take. */
interface Signed {
  fleet: TestFleet
  order: ApplyOrder
  records: { author: string; bytes: Uint8Array }[]
}

/** A stick with a release, the root, two reports, an order and an installer. */
async function everythingOnce(
  t: TestContext
): Promise<{ stick: string; publisher: TestHome; signed: Signed }> {
  const fleet = new TestFleet()
  const plain = await openTestHome(t, { seed: 1, fleet: fleet.id })
  await publish(plain, 1, 200)
  const records = [testReport(7, 'runs 1'), testReport(8, 'runs 2')]
  for (const record of records) plain.keep(record)
  const time = { created: '2026-01-02T03:04:05Z', expires: '2026-02-02T03:04:05Z' }
  const what = { module: 'm', track: 'default', version: '1' }
  const where = { fleet: fleet.id, node: BRANCH, stick: 'ab'.repeat(16), sequence: 1 }
  const order = { id: '0d'.repeat(16), ...where, ...what, ...time }
  const signature = Buffer.alloc(64)
  sodium.crypto_sign_detached(
    signature,
    Buffer.from(orderBytes(order)),
    Buffer.from(pair('office').secretKey)
  )
  const bytes = encodeOrder(order, Buffer.from('office'), signature)
  const publisher: TestHome = {
    ...plain,
    roots: { list: async () => new Map([[1, fleet.roots()[0] as Uint8Array]]), offer: async () => 0 },
    letters: {
      outgoing: async () => [{ folder: 'grants', name: `apply-${order.id}.json`, bytes }],
      take: async () => false
    }
  }
  const stick = await temporaryFolder(t)
  const archive = join(await temporaryFolder(t), 'chasqui-1.0.0-linux-x64.tar.gz')
  await writeFile(archive, noise(300, 5))
  const installer = { archives: [archive], invite: null }
  await exportStick(publisher, { ...everything(stick), installer }, tools, context)
  return { stick, publisher, signed: { fleet, order, records } }
}

interface Flip {
  stick: string
  file: string
  original: Buffer
  at: number
  publisher: TestHome
  signed: Signed
  outcomes: FlipOutcomes
}

const BRANCH = '0b'.repeat(32)

async function flipOne(t: TestContext, flip: Flip): Promise<void> {
  const { stick, file, original, at, publisher, signed, outcomes } = flip
  const flipped = Buffer.from(original)
  flipped.writeUInt8(flipped.readUInt8(at) ^ (1 << (at % 8)), at)
  await writeFile(file, flipped)
  const seen = await inspectStick(realFileSystem, stick, { everyByte: true, signal: never })
  const plain = await openTestHome(t, { key: publisher.feed.db.key, node: BRANCH, fleet: signed.fleet.id })
  const { branch, taken } = careful(plain, signed)
  const code = await importAll(branch, stick).then(
    ({ rejected }) => rejected[0]?.code ?? null,
    (error: unknown) => (error instanceof ChasquiError ? error.code : String(error))
  )
  const name = `${file.slice(stick.length)} byte ${at}`
  const same =
    (await isPartOf(branch.feed.db, publisher.feed.db)) &&
    (await isPartOf(await branch.feed.blobs(), await publisher.feed.blobs()))
  if (!same) outcomes.wrong.push(`${name}: an unsigned block came in`)
  for (const what of unsigned(plain, taken, signed)) outcomes.wrong.push(`${name}: ${what}`)
  const named = code ?? seen.rejected[0]?.code ?? taken.refused ?? null
  if (named !== null) outcomes.refused[named] = (outcomes.refused[named] ?? 0) + 1
  else outcomes.harmless++
  if (PROVEN.test(file) && seen.state !== 'damaged') outcomes.wrong.push(`${name}: not noticed`)
  if (file.endsWith('.seg') && code === null) outcomes.wrong.push(`${name}: not refused`)
  if (/apply-.*json$/.test(file) && taken.orders.length > 0) outcomes.wrong.push(`${name}: taken`)
  await plain.remove()
}

/** What came in besides blocks. */
interface Taken {
  roots: Map<number, Uint8Array>
  orders: ApplyOrder[]
  refused: string | null
}

/** A branch that judges roots, records and orders as a real one does. */
function careful(plain: TestHome, { fleet }: Signed): { branch: TestHome; taken: Taken } {
  const taken: Taken = { roots: new Map(), orders: [], refused: null }
  const refuse = (error: unknown) => {
    taken.refused ??= asChasquiError(error).code
  }
  const branch: TestHome = {
    ...plain,
    roots: {
      list: async () => taken.roots,
      async offer(chain) {
        const first = chain.get(1)
        if (first === undefined || fleetIdOf(first) !== fleet.id)
          refuse(new ChasquiError('TUF_MISMATCH', 'other'))
        else taken.roots.set(1, first)
        return taken.roots.size
      }
    },
    records: {
      ...plain.records,
      async offer(bytes) {
        try {
          const node = Buffer.from(decodeRecord(bytes).author).toString('hex')
          verifyRecord(bytes, () => ({ node, ...MEMBER, role: 'branch' }))
          return await plain.records.offer(bytes)
        } catch (error) {
          refuse(error)
          return 'refused'
        }
      }
    },
    letters: {
      outgoing: async () => [],
      take: (letter, visit) =>
        takeOrder(letter.bytes, visit, fleet.id).then(
          (order) => order !== null && taken.orders.push(order) > 0,
          (error: unknown) => {
            refuse(error)
            return false
          }
        )
    }
  }
  return { branch, taken }
}

const MEMBER = { invite: '', name: '', groups: [], modules: [] }

function takeOrder(bytes: Uint8Array, stick: StickVisit, fleet: string): Promise<ApplyOrder | null> {
  return checkOrder(bytes, {
    fleet,
    node: BRANCH,
    stick,
    now: Date.parse('2026-01-03T00:00:00Z'),
    used: async () => false,
    verifyMembership: (membership) => {
      const office = Buffer.from(membership).toString()
      if (office !== 'office') throw new ChasquiError('MEMBERSHIP_INVALID', 'nobody knows the signer')
      return { node: Buffer.from(pair('office').publicKey).toString('hex'), ...MEMBER, role: 'publisher' }
    },
    verifySignature: (message, signature, node) =>
      sodium.crypto_sign_verify_detached(
        Buffer.from(signature),
        Buffer.from(message),
        Buffer.from(node, 'hex')
      )
  })
}

/** What came in that nobody signed. */
function unsigned(plain: TestHome, taken: Taken, { fleet, order, records }: Signed): string[] {
  const known = new Set(records.map(({ bytes }) => Buffer.from(bytes).toString('hex')))
  const root = Buffer.from(fleet.roots()[0] as Uint8Array)
  return [
    ...[...plain.kept.keys()].filter((id) => !known.has(id)).map(() => 'an unsigned record came in'),
    ...[...taken.roots.values()].filter((bytes) => !root.equals(bytes)).map(() => 'another root came in'),
    ...taken.orders.filter((one) => !isDeepStrictEqual(one, order)).map(() => 'another order came in')
  ]
}
