// The vectors of FORMAT 9.2, 9.4 and 10 carry their own verdict; this reads them with the implementation.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { ChasquiError } from '../../src/errors.ts'
import { recordKey, recordMark, verifyRecord } from '../../src/fleet/record.ts'
import { admissionKey, verifyHello, verifyProof } from '../../src/net/hello.ts'
import { isLanName, lanNameKey } from '../../src/net/lan-name.ts'
import type { AdmissionMessage } from '../independent/admission-reader.ts'
import { readVectors } from '../independent/read-vectors.ts'

interface RecordCase {
  comment: string
  bytes: string
  expect: string
  read?: { key: string; mark: string; type: string; epoch: number; sequence: number; at: number }
}

for (const { comment, bytes, expect, read } of readVectors<RecordCase>('record')) {
  test(`record vector: ${comment}`, () => {
    assert.equal(verdict(bytes), expect)
    if (read === undefined) return
    const record = verifyAny(bytes)
    const { high, low } = recordMark(record.bytes)
    const mark = [high, low].map((half) => half.toString(16).padStart(8, '0')).join('')
    const { type, epoch, sequence, at } = record
    assert.deepEqual({ key: recordKey(type, record.author), mark, type, epoch, sequence, at }, read)
  })
}

/** Memberships are not judged by these vectors: whoever signed is taken for a member. */
function verifyAny(bytes: string) {
  const author = bytes.slice(4, 68)
  return verifyRecord(Buffer.from(bytes, 'hex'), () => ({
    node: author,
    invite: '',
    name: '',
    groups: [],
    modules: [],
    role: 'branch'
  }))
}

function verdict(bytes: string): string {
  try {
    verifyAny(bytes)
    return 'ok'
  } catch (error) {
    return error instanceof ChasquiError ? error.code : 'another error'
  }
}

for (const { comment, name, expect } of readVectors<{ comment: string; name: string; expect: string }>(
  'lan-name'
)) {
  test(`LAN name vector: ${comment}`, () => {
    const key = lanNameKey(Buffer.alloc(64, 3))
    assert.equal(isLanName(key, name) ? 'ours' : 'foreign', expect)
  })
}

type AdmissionCase = AdmissionMessage & { comment: string; expect: 'ok' | 'refused' }

for (const one of readVectors<AdmissionCase>('admission')) {
  test(`admission vector: ${one.comment}`, () => assert.equal(isGood(one) ? 'ok' : 'refused', one.expect))
}

function isGood({ message, side, handshakeHash, bytes }: AdmissionCase): boolean {
  const [body, hash] = [Buffer.from(bytes, 'hex'), Buffer.from(handshakeHash, 'hex')]
  const isInitiator = side === 'initiator'
  try {
    if (message === 'hello') return verifyHello(body, isInitiator, hash) !== null
    return verifyProof(body, admissionKey(Buffer.alloc(64, 3)), isInitiator, hash)
  } catch {
    return false
  }
}
