// The records that a node keeps: of every type and author the newest one. Pure: records and the time come in, and
// what changed comes out. Where they are stored, and who they came from, is the caller's business.
import { asChasquiError, ChasquiError } from '../errors.ts'
import type { Member } from '../trust/membership.ts'
import type { Comparable } from './reconcile.ts'
import {
  compareRecords,
  decodeRecord,
  type RecordType,
  recordKey,
  type SignedRecord,
  type VerifiedRecord
} from './record.ts'
import { RecordIndex } from './record-index.ts'

const DAY = 86_400_000 // ms

export const RECORD_SET_LIMITS = {
  records: 60_000,
  bytes: 96 * 1024 * 1024,
  /** authors of records of one type that came with one and the same invite: an invite is for one branch */
  perInvite: 4,
  /** how long a record of this type is worth keeping, in ms after `at`; types that are not here never expire */
  lifetime: { address: 14 * DAY, evidence: 60 * DAY } as Partial<Record<RecordType, number>>
}

export type AddResult =
  | { outcome: 'added'; record: VerifiedRecord }
  | { outcome: 'known' | 'older' | 'expired' | 'full' }
  | { outcome: 'refused'; error: ChasquiError }

export interface RecordSetOptions {
  /** signature, membership and revocation; throws a ChasquiError (see verifyRecord) */
  verify(bytes: Uint8Array): VerifiedRecord
  /** a second look at records of types whose content the fleet can check (the root chain); default: accept */
  accept?(record: VerifiedRecord): boolean
  limits?: Partial<typeof RECORD_SET_LIMITS>
}

type Listener = (record: VerifiedRecord) => void

export class RecordSet {
  #entries = new Map<string, VerifiedRecord>()
  #index = new RecordIndex()
  /** type and invite → the records of all who came with it */
  #siblings = new Map<string, Set<VerifiedRecord>>()
  #bytes = 0
  #listeners = new Set<Listener>()
  #options: RecordSetOptions
  #limits: typeof RECORD_SET_LIMITS

  constructor(options: RecordSetOptions) {
    this.#options = options
    this.#limits = { ...RECORD_SET_LIMITS, ...options.limits }
  }

  /** What the comparison with another node works on (reconcile.ts). */
  get index(): Comparable {
    return this.#index
  }

  get size(): number {
    return this.#entries.size
  }

  /** Bytes of all records, as they travel. */
  get bytes(): number {
    return this.#bytes
  }

  /**
   * Takes a record from anywhere. Never throws: a bad record is an outcome, not an accident.
   * @param now ms since epoch, for the expiry of addresses and evidence
   */
  add(bytes: Uint8Array, now: number): AddResult {
    try {
      const candidate = decodeRecord(bytes)
      const known = this.#entries.get(recordKey(candidate.type, candidate.author))
      if (known !== undefined) {
        // cheap answers first: an old record costs no signature check
        const order = compareRecords(candidate, known)
        if (order <= 0) return { outcome: order === 0 ? 'known' : 'older' }
      }
      if (this.#isExpired(candidate, now)) return { outcome: 'expired' }
      if (!this.#hasRoom(candidate, known)) return { outcome: 'full' }
      const record = this.#options.verify(bytes)
      requireInTime(record)
      if (this.#options.accept?.(record) === false) return { outcome: 'older' }
      if (known === undefined && !this.#hasPlace(record)) return { outcome: 'full' }
      this.#put(record)
      return { outcome: 'added', record }
    } catch (error) {
      return { outcome: 'refused', error: asChasquiError(error) }
    }
  }

  /** @param author node key in hex */
  get(type: RecordType, author: string): VerifiedRecord | undefined {
    return this.#entries.get(recordKey(type, Buffer.from(author, 'hex')))
  }

  /** @param key as the index has it */
  byKey(key: string): VerifiedRecord | undefined {
    return this.#entries.get(key)
  }

  list(type?: RecordType): VerifiedRecord[] {
    const all = [...this.#entries.values()]
    return type === undefined ? all : all.filter((record) => record.type === type)
  }

  /** Called after a record was added. Returns the way to stop. */
  onAdded(listener: Listener): () => void {
    this.#listeners.add(listener)
    return () => this.#listeners.delete(listener)
  }

  /** Drops what has expired and what `isRefused` names (authors revoked since). Returns what was dropped. */
  prune(now: number, isRefused: (member: Member) => boolean = () => false): VerifiedRecord[] {
    const dropped = this.list().filter((record) => this.#isExpired(record, now) || isRefused(record.member))
    for (const record of dropped) this.#remove(record)
    return dropped
  }

  /** An author whom the publisher has confirmed takes the place of one whom it has not. */
  #hasPlace(record: VerifiedRecord): boolean {
    const siblings = [...(this.#siblings.get(placeOf(record)) ?? [])]
    if (siblings.length < this.#limits.perInvite) return true
    const doubtful = siblings.find(({ member }) => member.granted === false)
    if (record.member.granted !== true || doubtful === undefined) return false
    this.#remove(doubtful)
    return true
  }

  #remove(record: VerifiedRecord): void {
    const key = recordKey(record.type, record.author)
    this.#entries.delete(key)
    this.#index.remove(key)
    this.#bytes -= record.bytes.byteLength
    this.#siblings.get(placeOf(record))?.delete(record)
  }

  #put(record: VerifiedRecord): void {
    const key = recordKey(record.type, record.author)
    const before = this.#entries.get(key)
    if (before !== undefined) this.#siblings.get(placeOf(before))?.delete(before)
    const siblings = this.#siblings.get(placeOf(record)) ?? new Set()
    this.#siblings.set(placeOf(record), siblings.add(record))
    this.#bytes += record.bytes.byteLength - (before?.bytes.byteLength ?? 0)
    this.#entries.set(key, record)
    this.#index.put(record)
    for (const listener of [...this.#listeners]) listener(record)
  }

  #hasRoom(candidate: SignedRecord, known: SignedRecord | undefined): boolean {
    const bytes = this.#bytes + candidate.bytes.byteLength - (known?.bytes.byteLength ?? 0)
    return bytes <= this.#limits.bytes && (known !== undefined || this.#entries.size < this.#limits.records)
  }

  #isExpired(record: SignedRecord, now: number): boolean {
    const lifetime = this.#limits.lifetime[record.type]
    return lifetime !== undefined && record.at + lifetime < now
  }
}

const placeOf = ({ type, member }: VerifiedRecord) => `${type} ${member.invite}`

/** Who was never confirmed speaks for the branch until its invite ends. Throws INVITE_EXPIRED. */
function requireInTime({ member, at }: VerifiedRecord): void {
  if (member.granted !== false || member.expires === undefined || at <= member.expires) return
  throw new ChasquiError('INVITE_EXPIRED', `${member.name} speaks after its invite has ended`, {
    hint: 'ask the publisher for a grant or a new invite'
  })
}
