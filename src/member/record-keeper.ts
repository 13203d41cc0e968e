// The fleet's records in a home: the set in memory, every accepted record in the state with when and through whom it came,
// and what this member says itself with an epoch and sequence that are durable before anybody hears of them.
import {
  decodeRecord,
  type RecordType,
  signRecord,
  type VerifiedRecord,
  verifyRecord
} from '../fleet/record.ts'
import { type AddResult, RecordSet } from '../fleet/record-set.ts'
import type { Log } from '../system/log.ts'
import type { StateStore } from '../system/state.ts'
import { toHex } from '../trust/bytes.ts'
import type { SigningKeyPair } from '../trust/keys.ts'
import type { Member } from '../trust/membership.ts'

const RECORD = 'record/'
const HEARD = 'heard/'
const COUNTER = 'record-counter'

/** When and through whom a record came in. */
export interface Hearing {
  /** ms since the epoch */
  at: number
  /** name of the peer, or of the stick; null: not known */
  via: string | null
  /** grows with every author that is heard of for the first time: the order of arrival */
  first: number
}

export interface RecordKeeperParts {
  state: StateStore
  /** this member, as its records say; read anew for each record */
  self: { readonly node: string; readonly keyPair: SigningKeyPair; readonly membership: Uint8Array }
  /** Membership of an author: signature and revocation, not expiry: records may be from the past. Throws MEMBER_*. */
  verifyMembership(membership: Uint8Array): Member
  /** called once before the first record is verified: what verifyMembership needs */
  prepare?(): Promise<unknown>
  now(): number
  log: Log
}

interface Counter {
  epoch: number
  sequence: number
  /** who counted, hex */
  node: string
}

export class RecordKeeper {
  readonly set: RecordSet
  readonly #parts: RecordKeeperParts
  #opened: Promise<void> | null = null
  /** by name of the record: the place of its author in the order of arrival */
  #first = new Map<string, number>()
  #newest = 0
  #unwritten = new Map<string, { record: VerifiedRecord; hearing: Hearing }>()
  #writing: Promise<void> = Promise.resolve()

  constructor(parts: RecordKeeperParts) {
    this.#parts = parts
    this.set = new RecordSet({ verify: (bytes) => verifyRecord(bytes, parts.verifyMembership) })
  }

  /** Loads what was kept, once; what no longer verifies is dropped. An author who was revoked may be readmitted: it waits. */
  open(): Promise<void> {
    this.#opened ??= this.#load()
    return this.#opened
  }

  async #load(): Promise<void> {
    const { state, prepare, now, log } = this.#parts
    await prepare?.()
    for (const [key, value] of await state.list(HEARD)) {
      const { first } = value as Hearing
      this.#first.set(key.slice(HEARD.length), first)
      this.#newest = Math.max(this.#newest, first)
    }
    for (const [key, value] of await state.list(RECORD)) {
      const result = this.set.add(Buffer.from(String(value), 'base64'), now())
      if (result.outcome === 'added') continue
      if (result.outcome === 'refused' && result.error.code === 'MEMBER_REVOKED') continue
      log.debug({ key, outcome: result.outcome }, 'record dropped')
      await state.put({ [key]: null, [HEARD + key.slice(RECORD.length)]: null })
    }
    this.set.onAdded((record) => this.#keep(record))
  }

  /** Takes a record from a stick or a file; durable when this returns. */
  async offer(bytes: Uint8Array, via: string | null = null): Promise<AddResult> {
    await this.open()
    const result = this.set.add(bytes, this.#parts.now())
    this.note(result, via)
    await this.flush()
    return result
  }

  /** The membership of an author (node key, hex) as it came in last, also of one who is out; null: never heard of. */
  async lastMembership(type: RecordType, author: string): Promise<Uint8Array | null> {
    await this.flush()
    const stored = await this.#parts.state.get(`${RECORD}${type}/${author}`)
    return stored === undefined ? null : decodeRecord(Buffer.from(String(stored), 'base64')).membership
  }

  /** Says who brought what the set has just accepted (gossip calls this right after the set took it). */
  note(result: AddResult, via: string | null): void {
    if (result.outcome !== 'added') return
    const waiting = this.#unwritten.get(nameOf(result.record))
    if (waiting !== undefined) waiting.hearing.via = via
  }

  /** When a record was heard of; null when that is not known. */
  async heard(type: RecordType, author: string): Promise<Hearing | null> {
    await this.flush()
    return ((await this.#parts.state.get(`${HEARD}${type}/${author}`)) as Hearing | undefined) ?? null
  }

  /** The place of an author (node key, hex) in the order of arrival; infinity: nothing of it ever came in. */
  arrival(type: RecordType, author: string): number {
    return this.#first.get(`${type}/${author}`) ?? Number.POSITIVE_INFINITY
  }

  /** Returns when every record that was accepted so far survives a power cut. */
  async flush(): Promise<void> {
    this.#write()
    await this.#writing
  }

  /** Signs what this member says and keeps it; the number is durable before the record can leave. */
  async announce(type: RecordType, header: Uint8Array, body: Uint8Array = new Uint8Array(0)): Promise<void> {
    await this.open()
    const { state, self, now } = this.#parts
    const counter = await this.#nextCounter(type)
    const { epoch, sequence } = counter
    const author = self.keyPair.publicKey
    const fields = { type, author, membership: self.membership, epoch, sequence, at: now(), header, body }
    const record = signRecord(fields, self.keyPair.secretKey)
    const stored = Buffer.from(record.bytes).toString('base64')
    await state.put({ [COUNTER]: counter, [`${RECORD}${type}/${self.node}`]: stored })
    this.set.add(record.bytes, now())
  }

  /**
   * A state that was reset starts a new epoch, by its clock; so does one that goes on with another node key. One that was
   * restored from a backup finds its own newer record among what others hold, and goes above it.
   */
  async #nextCounter(type: RecordType): Promise<Counter> {
    const { state, self, now } = this.#parts
    const { node } = self
    const kept = (await state.get(COUNTER)) as Counter | undefined
    const epoch = Math.max(Math.floor(now() / 1000), (kept?.epoch ?? -1) + 1)
    const stored = kept?.node === node ? kept : { epoch, sequence: 0, node }
    const heard = this.set.get(type, self.node)
    const isBehind =
      heard !== undefined &&
      (heard.epoch > stored.epoch || (heard.epoch === stored.epoch && heard.sequence > stored.sequence))
    return isBehind
      ? { epoch: heard.epoch + 1, sequence: 1, node }
      : { ...stored, sequence: stored.sequence + 1 }
  }

  /** Gathers what comes in at once into one synced write. */
  #keep(record: VerifiedRecord): void {
    if (this.#unwritten.size === 0) setImmediate(() => this.#write())
    const name = nameOf(record)
    const first = this.#first.get(name) ?? ++this.#newest
    this.#first.set(name, first)
    this.#unwritten.set(name, { record, hearing: { at: this.#parts.now(), via: null, first } })
  }

  #write(): void {
    if (this.#unwritten.size === 0) return
    const changes: Record<string, unknown> = {}
    for (const [name, { record, hearing }] of this.#unwritten) {
      changes[RECORD + name] = Buffer.from(record.bytes).toString('base64')
      changes[HEARD + name] = hearing
    }
    this.#unwritten = new Map()
    const { state, log } = this.#parts
    this.#writing = this.#writing
      .then(() => state.put(changes))
      .catch((error: unknown) => log.error({ err: error }, 'records could not be kept'))
  }
}

function nameOf(record: VerifiedRecord): string {
  return `${record.type}/${toHex(record.author)}`
}
