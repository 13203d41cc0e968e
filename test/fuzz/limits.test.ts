// Sizes, counts and depth: what claims or holds more than its format allows is refused while it is read, by its own
// code, so that a small message cannot cost much and a large one is not read to its end.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { zstdCompressSync } from 'node:zlib'
import c, { type State } from 'compact-encoding'
import { parseNodeConfig } from '../../node/config/load.ts'
import type { ErrorCode } from '../../src/errors.ts'
import { CHANNELS_LIMIT, parseChannels } from '../../src/fleet/channels.ts'
import { decodeRecord, RECORD_LIMITS, sealBody } from '../../src/fleet/record.ts'
import { openReport, parseReportHeader } from '../../src/fleet/report.ts'
import { REPORT_LIMITS } from '../../src/fleet/report-content.ts'
import { parseRevoked, REVOKED_LIMIT } from '../../src/fleet/revoked.ts'
import {
  BLOCK_LIMITS,
  blockCodec,
  holdingCodec,
  indexesCodec,
  interestCodec
} from '../../src/net/blocks/wire.ts'
import {
  comparisonCodec,
  itemsCodec,
  keysCodec,
  recordCodec,
  WIRE_LIMITS
} from '../../src/net/gossip-wire.ts'
import { grantCodec } from '../../src/net/grants.ts'
import { headsCodec } from '../../src/net/head-exchange.ts'
import { rootsCodec } from '../../src/net/roots.ts'
import { MANIFEST_LIMITS, parseManifest } from '../../src/release/manifest.ts'
import { parseRelease, RELEASE_LIMITS } from '../../src/release/release.ts'
import { checkOrder, type OrderCheck } from '../../src/stick/apply-order.ts'
import { parseInvite } from '../../src/trust/invite.ts'
import { sealingPairOf } from '../../src/trust/keys.ts'
import { LIMITS } from '../../src/trust/limits.ts'
import { parseRoot, parseSnapshot, parseTargets, parseTimestamp } from '../../src/trust/metadata.ts'
import { CHASQUI_PROFILE } from '../../src/trust/profile.ts'

type Parse = (bytes: Uint8Array) => unknown
const text = (bytes: Uint8Array) => Buffer.from(bytes).toString('latin1')
const root: Parse = (bytes) => parseRoot(bytes, CHASQUI_PROFILE)
const targets: Parse = (bytes) => parseTargets(bytes, CHASQUI_PROFILE)
const order: Parse = (bytes) => checkOrder(bytes, {} as OrderCheck)

const sizes: [format: string, parse: Parse, limit: number, code: ErrorCode][] = [
  ['root', root, LIMITS.rootBytes, 'TUF_TOO_LARGE'],
  ['timestamp', parseTimestamp, LIMITS.timestampBytes, 'TUF_TOO_LARGE'],
  ['snapshot', parseSnapshot, LIMITS.snapshotBytes, 'TUF_TOO_LARGE'],
  ['targets', targets, LIMITS.targetsBytes, 'TUF_TOO_LARGE'],
  ['release.json', parseRelease, RELEASE_LIMITS.bytes, 'RELEASE_INVALID'],
  ['manifest', parseManifest, MANIFEST_LIMITS.bytes, 'MANIFEST_INVALID'],
  ['channels.json', parseChannels, CHANNELS_LIMIT, 'CHANNELS_INVALID'],
  ['revoked.json', parseRevoked, REVOKED_LIMIT, 'REVOKED_INVALID'],
  ['record', decodeRecord, RECORD_LIMITS.total, 'RECORD_INVALID'],
  ['report header', parseReportHeader, RECORD_LIMITS.header, 'REPORT_INVALID'],
  ['apply order', order, 64 * 1024, 'STICK_ORDER'],
  ['invite', (bytes) => parseInvite(text(bytes)), LIMITS.inviteBytes * 2, 'INVITE_DAMAGED']
]

for (const [format, parse, limit, code] of sizes) {
  test(`${format}: one byte more than ${limit} is refused for its size`, async () => {
    const tooLarge = async () => parse(Buffer.alloc(limit + 1, '['))
    const said = (error: Error & { code?: string; cause?: Error }) =>
      /too (large|long)|larger than|above the limit/.test(`${error.message} ${error.cause?.message}`)
    await assert.rejects(tooLarge, { code })
    await assert.rejects(tooLarge, said)
  })
}

const keys = sealingPairOf(Buffer.alloc(32, 1))
const bombs: [format: string, parse: Parse, limit: number][] = [
  ['report header', parseReportHeader, REPORT_LIMITS.headerJson],
  ['report body', (bytes) => openReport(sealBody(bytes, keys.publicKey), keys), REPORT_LIMITS.bodyJson]
]

for (const [format, parse, limit] of bombs) {
  test(`${format}: decompression stops at its limit`, () => {
    const bomb = zstdCompressSync(Buffer.alloc(limit * 100, ' '))
    assert.throws(
      () => parse(bomb),
      (error: Error & { code?: string; cause?: { code?: string } }) =>
        error.code === 'REPORT_INVALID' && error.cause?.code === 'ERR_BUFFER_TOO_LARGE'
    )
  })
}

const uint = (value: number) => Buffer.from(c.encode(c.uint, value))
const join = (...parts: Uint8Array[]) => Buffer.concat(parts)
const item = { key: 'aa'.repeat(8), type: 'report' as const, epoch: 1, sequence: 1, check: 1 }
const manyItems = c.encode(itemsCodec, Array<typeof item>(WIRE_LIMITS.items).fill(item))
/** lists of 1,024 items: more than may be listed, and then bytes that nobody should get to */
const manyLists = join(...Array<Uint8Array>(65).fill(join(uint(0), manyItems)))

interface Decoder {
  decode(state: State): unknown
}

const claims: [message: string, codec: Decoder, bytes: Uint8Array][] = [
  ['comparison of too many ranges', comparisonCodec, uint(WIRE_LIMITS.ranges + 1)],
  ['comparison of too many lists', comparisonCodec, join(uint(0), uint(WIRE_LIMITS.ranges + 1))],
  ['comparison of too many items', comparisonCodec, join(uint(0), uint(70), manyLists)],
  ['prefix longer than a key', comparisonCodec, join(uint(1), uint(17))],
  ['offer of too many items', itemsCodec, uint(WIRE_LIMITS.items + 1)],
  ['want of too many keys', keysCodec, uint(WIRE_LIMITS.items + 1)],
  ['record that is too large', recordCodec, Buffer.alloc(RECORD_LIMITS.total + 1)],
  ['interest of too many ranges', interestCodec, join(Buffer.alloc(16), uint(4097))],
  ['interest that spans too much', interestCodec, join(Buffer.alloc(16), uint(1), uint(0), uint(2 ** 21))],
  ['holding of too long a range', holdingCodec, join(uint(0), uint(2 ** 21))],
  ['too many block indexes', indexesCodec, uint(BLOCK_LIMITS.indexes + 1)],
  ['block with too many nodes', blockCodec, join(uint(0), uint(0), uint(BLOCK_LIMITS.nodes + 1))],
  [
    'block that is too large',
    blockCodec,
    join(uint(0), uint(0), uint(0), uint(2 ** 20 + 1), Buffer.alloc(2 ** 20 + 1))
  ],
  ['too many heads', headsCodec, uint(3)],
  ['too many roots', rootsCodec, uint(17)],
  ['root that is too large', rootsCodec, join(uint(1), uint(1), uint(512_001), Buffer.alloc(512_001))],
  ['grant that is too large', grantCodec, join(uint(8193), Buffer.alloc(8193))]
]

for (const [message, codec, bytes] of claims) {
  test(`${message} is refused while it is read`, () => {
    assert.throws(() => codec.decode(c.state(0, bytes.length, bytes as Buffer)), RangeError)
  })
}

test('chasqui.toml: depth is no way to break its reader', () => {
  const deep = `[node]\nname = ${'['.repeat(100_000)}${']'.repeat(100_000)}`
  assert.throws(() => parseNodeConfig(deep, 'chasqui.toml'), { code: /^CONFIG_/ })
})
