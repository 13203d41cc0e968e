// Real files of the fleet: records, reports, channels, revocations, orders and files of a stick, configuration.
import { zstdCompressSync, zstdDecompressSync } from 'node:zlib'
import { parseNodeConfig } from '../../node/config/load.ts'
import {
  emptyChannels,
  encodeChannels,
  parseChannels,
  withPointer,
  withYank
} from '../../src/fleet/channels.ts'
import { decodeRecord, openBody, sealBody, verifyRecord } from '../../src/fleet/record.ts'
import { encodeReportHeader, openReport, parseReportHeader, sealReport } from '../../src/fleet/report.ts'
import type { ReportHeader } from '../../src/fleet/report-content.ts'
import { encodeRevoked, parseRevoked } from '../../src/fleet/revoked.ts'
import { checkOrder } from '../../src/stick/apply-order.ts'
import { encodeMarker, parseMarker } from '../../src/stick/marker.ts'
import { decodeBundle, encodeBundle } from '../../src/stick/report-bundle.ts'
import { encodeFooter, HEADER_BYTES, proveSegment, readFooter } from '../../src/stick/segment.ts'
import { sealingPairOf } from '../../src/trust/keys.ts'
import { readVectors } from '../independent/read-vectors.ts'
import { TestFleet } from '../net/members.ts'
import { seedOf } from '../trust/test-fleet.ts'
import { jsonSample, type Sample } from './sample.ts'

const TIME = '2026-03-01T00:00:00Z'
const AT = { module: 'shop', track: 'default', version: '1.2.0' }

export function fleetSamples(): Sample[] {
  return [...recordSamples(), ...reportSamples(), ...onlineSamples(), ...stickSamples(), ...configSamples()]
}

function recordSamples(): Sample[] {
  const fleet = new TestFleet('tienda')
  const { bytes } = fleet.record(fleet.member('a'), 7)
  return [
    { name: 'record', real: bytes, parse: decodeRecord },
    { name: 'signed record', real: bytes, parse: (given) => verifyRecord(given, fleet.verifyMembership) },
    { name: 'file of records', real: encodeBundle([bytes, bytes]), parse: decodeBundle }
  ]
}

const HEADER: ReportHeader = {
  schema: 1,
  feed: { key: 'ab'.repeat(32), db: 12, blobs: 400 },
  apps: { tienda: { shop: 'default@1.2.0' } },
  outcomes: [{ app: 'tienda', ...AT, round: 0, result: 'committed' }],
  stale: false
}

const BODY = {
  schema: 1 as const,
  created: TIME,
  node: { name: 'norte', environment: 'production', platform: 'linux-x64', software: '1', started: null },
  feed: { length: 12, signedAt: TIME, heardAt: null, stale: false, conflict: null },
  apps: [],
  transactions: [],
  problems: [{ code: 'DISK_FULL', message: 'no room' }],
  held: ['shop'],
  disk: [{ path: '/', free: 1, total: 2 }],
  sources: [{ ...AT, from: [{ peer: 'a', link: 'lan', bytes: 5 }] }]
}

function reportSamples(): Sample[] {
  const keys = sealingPairOf(seedOf('sealing'))
  const pack = (text: string) => zstdCompressSync(Buffer.from(text))
  const unpack = (bytes: Uint8Array) => JSON.parse(zstdDecompressSync(bytes).toString('utf8')) as unknown
  const header = encodeReportHeader(HEADER)
  const body = sealReport(BODY, keys.publicKey)
  const seal = (bytes: Uint8Array) => sealBody(bytes, keys.publicKey)
  const packedBody = openBody(body, keys) as Uint8Array
  const openPacked = (bytes: Uint8Array) => openReport(seal(bytes), keys)
  const wrap = pack
  return [
    {
      name: 'report header',
      real: header,
      parse: parseReportHeader,
      json: { document: unpack(header), wrap }
    },
    { name: 'sealed report', real: body, parse: (bytes) => openReport(bytes, keys) },
    { name: 'report body', real: packedBody, parse: openPacked, json: { document: unpack(packedBody), wrap } }
  ]
}

function onlineSamples(): Sample[] {
  const rollout = {
    round: 1,
    status: 'active' as const,
    started: TIME,
    from: '1.1.0',
    groups: ['norte'],
    branches: ['b'],
    phases: [{ percentage: 10, soak: 24 }],
    haltAfter: { failures: 2, percentage: 10 }
  }
  const pointed = withPointer(emptyChannels(), { channel: 'stable', ...AT }, { version: AT.version, rollout })
  const statement = { fleet: 'ab'.repeat(32), channel: 'stable', ...AT, created: TIME }
  const downgrades = [{ statement, signatures: [{ keyid: 'ab'.repeat(32), sig: 'cd'.repeat(64) }] }]
  const channels = { ...withYank(pointed, AT, { at: TIME, reason: 'spoils data' }), downgrades }
  const invite = 'ab'.repeat(16)
  const revoked = {
    schema: 1 as const,
    invites: { [invite]: { at: TIME } },
    nodes: { ['cd'.repeat(32)]: { at: TIME, invite } }
  }
  return [
    jsonSample('channels.json', encodeChannels(channels), parseChannels),
    jsonSample('revoked.json', encodeRevoked(revoked), parseRevoked)
  ]
}

function stickSamples(): Sample[] {
  const marker = {
    schema: 1 as const,
    sequence: 3,
    written: TIME,
    lengths: { db: 12, blobs: 400 },
    segments: [
      {
        name: '0001.seg',
        bytes: 500,
        hash: 'ab'.repeat(32),
        holds: { db: [[0, 3] as [number, number]], blobs: [] }
      }
    ],
    whole: true,
    part: null,
    releases: [AT]
  }
  return [applyOrder(), ...segmentSamples(), jsonSample('complete.json', encodeMarker(marker), parseMarker)]
}

function applyOrder(): Sample {
  const [vector] = readVectors<{
    fleet: string
    node: string
    stick: string
    sequence: number
    bytes: string
  }>('apply-order')
  if (vector === undefined) throw new Error('no vector of an apply order')
  const parse = (bytes: Uint8Array) =>
    checkOrder(bytes, {
      ...vector,
      stick: { id: vector.stick, sequence: vector.sequence },
      now: Date.parse('2026-01-05T00:00:00Z'),
      used: async () => false,
      verifyMembership: () => ({ ...NOBODY, node: vector.node }),
      verifySignature: () => true
    })
  return jsonSample('apply order', Buffer.from(vector.bytes), parse)
}

const NOBODY = { invite: '', name: '', groups: [], modules: [], role: 'publisher' as const }

function segmentSamples(): Sample[] {
  const found = readVectors<{ header: string; table: string; footer: string; blocks: string }>('segment')[1]
  if (found === undefined) throw new Error('no vector of a segment')
  const [header, table, footer] = [found.header, found.table, found.footer].map((text) =>
    Buffer.from(text, 'hex')
  )
  const head = header as Buffer
  const end = HEADER_BYTES + found.blocks.length / 2
  /** with a footer that fits: what a hostile writer would do, and what reaches the table's reader */
  const prove = (given: Uint8Array) => {
    const [start, rest] = [given.subarray(0, HEADER_BYTES), given.subarray(HEADER_BYTES)]
    return proveSegment(start, rest, encodeFooter(start, rest, end))
  }
  return [
    { name: 'segment table', real: Buffer.concat([head, table as Buffer]), parse: prove },
    {
      name: 'segment footer',
      real: footer as Buffer,
      parse: (given) => readFooter(given, end + (table as Buffer).length + (footer as Buffer).length)
    }
  ]
}

const CONFIG = `
[node]
name = "Sucursal Norte"
carry-max = "20 GiB"
[links]
lan = true
internet = true
peers = ["10.8.0.12:49800"]
[links.internet]
down = "2 Mbit/s"
hours = "20:00-07:00"
[apps.tienda]
profile = "generic"
modules = ["pos_*", 'l10n_mx_*']
path = '/opt/odoo/custom-addons'
window = "02:00-06:00"
backup-keep = 5
[apps.tienda.commands]
stop = ["./ctl", "stop"]
start = ["./ctl", "start"]
backup = ["./ctl", "dump", "{backup}"]
restore = ["./ctl", "load", "{backup}"]
migrate = ["./ctl", "migrate", "{from}", "{to}"]
[[apps.tienda.checks]]
kind = "http"
url = "http://127.0.0.1:8069/web/login"
`

function configSamples(): Sample[] {
  const text = (bytes: Uint8Array) => Buffer.from(bytes).toString('utf8')
  const parse = (bytes: Uint8Array) => parseNodeConfig(text(bytes), 'chasqui.toml')
  return [{ name: 'chasqui.toml', real: Buffer.from(CONFIG), parse }]
}
