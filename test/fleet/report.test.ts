import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { zstdCompressSync } from 'node:zlib'
import sodium from 'sodium-native'
import { RECORD_LIMITS, sealBody } from '../../src/fleet/record.ts'
import { encodeReportHeader, openReport, parseReportHeader, sealReport } from '../../src/fleet/report.ts'
import type { ReportBody, ReportHeader } from '../../src/fleet/report-content.ts'

function boxKeys() {
  const keys = { publicKey: Buffer.alloc(32), secretKey: Buffer.alloc(32) }
  sodium.crypto_box_keypair(keys.publicKey, keys.secretKey)
  return keys
}

const HEADER: ReportHeader = {
  schema: 1,
  feed: { key: 'ab'.repeat(32), db: 12, blobs: 400 },
  apps: { tienda: { pos_base: '17.0@17.0.1.0.0' } },
  outcomes: [
    { app: 'tienda', module: 'pos_base', track: '17.0', version: '17.0.1.0.0', round: 0, result: 'committed' }
  ],
  stale: false
}

const BODY: ReportBody = {
  schema: 1,
  created: '2026-03-01T00:00:00Z',
  node: { name: 'norte', environment: 'production', platform: 'linux-x64', software: '0.1.0', started: null },
  feed: { length: 12, signedAt: '2026-03-01T00:00:00Z', heardAt: null, stale: false, conflict: null },
  apps: [],
  transactions: [
    {
      id: 't1',
      app: 'tienda',
      finished: '2026-03-01T00:00:00Z',
      result: 'rolled-back',
      releases: [{ module: 'pos_base', track: '17.0', from: null, to: '17.0.1.0.0' }],
      ms: 1200,
      error: { code: 'CHECK_FAILED', message: 'status 500', step: 'checked' },
      excerpt: 'Traceback'
    }
  ],
  problems: [],
  held: [],
  disk: [],
  sources: []
}

/** Text that zstd cannot make much smaller. */
function noise(length: number, seed: number): string {
  const bytes = Buffer.alloc(Math.ceil(length / 2))
  let state = seed
  for (let i = 0; i < bytes.length; i++) {
    state = (Math.imul(state, 1103515245) + 12345) >>> 0
    bytes[i] = state >>> 16
  }
  return bytes.toString('hex').slice(0, length)
}

describe('reports', () => {
  it('shows the header to everybody and the body to the publisher only', () => {
    const keys = boxKeys()
    assert.deepEqual(parseReportHeader(encodeReportHeader(HEADER)), HEADER)
    const sealed = sealReport(BODY, keys.publicKey)
    assert.equal(Buffer.from(sealed).includes('CHECK_FAILED'), false)
    assert.deepEqual(openReport(sealed, keys), BODY)
    assert.throws(() => openReport(sealed, boxKeys()), { code: 'REPORT_SEALED' })
  })

  it('leaves out what matters least to fit into a record', () => {
    const keys = boxKeys()
    const excerpts = Array.from({ length: 10 }, (_, i) => ({
      ...(BODY.transactions[0] as ReportBody['transactions'][number]),
      excerpt: noise(4_000, i)
    }))
    const modules = Array.from({ length: 900 }, (_, i) => ({
      module: `m${noise(60, i)}`,
      track: 'default',
      version: '1.0.0',
      available: null,
      state: 'current',
      drift: { count: 1, files: [noise(500, i)] }
    }))
    const app = { name: 'a', profile: 'generic', health: 'good' as const, modules }
    const sealed = sealReport({ ...BODY, apps: [app], transactions: excerpts }, keys.publicKey)
    assert.ok(sealed.length <= RECORD_LIMITS.body)
    const opened = openReport(sealed, keys)
    assert.equal(opened.transactions.length, 3)
    assert.equal(opened.apps[0]?.modules.length, 900)
  })

  it('leaves out old outcomes and then the apps when the header is too large', () => {
    const apps = {
      shop: Object.fromEntries(Array.from({ length: 400 }, (_, i) => [`m${noise(60, i)}`, 'default@1.0.0']))
    }
    const encoded = encodeReportHeader({ ...HEADER, apps })
    assert.ok(encoded.length <= RECORD_LIMITS.header)
    assert.equal(parseReportHeader(encoded).truncated, true)
  })

  const packed = (value: unknown) => zstdCompressSync(Buffer.from(JSON.stringify(value)))
  const bad: [what: string, Uint8Array][] = [
    ['bytes that are not zstd', Buffer.from('hello')],
    ['a later schema', packed({ ...HEADER, schema: 2 })],
    ['a negative length', packed({ ...HEADER, feed: { ...HEADER.feed, db: -1 } })],
    ['a bomb', zstdCompressSync(Buffer.alloc(64 * 1024 * 1024))],
    ['more bytes than a record may have', Buffer.alloc(RECORD_LIMITS.header + 1)]
  ]
  for (const [what, bytes] of bad) {
    it(`refuses a header that is ${what}`, () =>
      assert.throws(() => parseReportHeader(bytes), { code: 'REPORT_INVALID' }))
  }

  it('refuses a sealed bomb', () => {
    const keys = boxKeys()
    const bomb = sealBody(zstdCompressSync(Buffer.alloc(64 * 1024 * 1024)), keys.publicKey)
    assert.throws(() => openReport(bomb, keys), { code: 'REPORT_INVALID' })
  })
})
