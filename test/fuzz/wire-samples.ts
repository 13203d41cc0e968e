// Real messages of the links, as codecs read them: whatever a codec throws closes the connection with that peer, but it may
// only be what codecs throw of purpose.
import c from 'compact-encoding'
import {
  blockCodec,
  holdingCodec,
  indexCodec,
  indexesCodec,
  interestCodec,
  requestCodec
} from '../../src/net/blocks/wire.ts'
import type { Codec } from '../../src/net/codec.ts'
import { comparisonCodec, itemsCodec, keysCodec, recordCodec } from '../../src/net/gossip-wire.ts'
import { grantCodec } from '../../src/net/grants.ts'
import { headsCodec } from '../../src/net/head-exchange.ts'
import { encodeHello, verifyHello } from '../../src/net/hello.ts'
import { rootsCodec } from '../../src/net/roots.ts'
import { TestFleet } from '../net/members.ts'
import type { Sample } from './sample.ts'

const bytes = (length: number, value = 7) => Buffer.alloc(length, value)
const item = { key: 'aa'.repeat(8), type: 'report' as const, epoch: 1, sequence: 300, check: 70_000 }
const node = { index: 70_000, size: 65_536, hash: bytes(32) }

function message<T>(name: string, codec: Codec<T>, value: T): Sample {
  return { name, real: c.encode(codec, value), parse: (given) => c.decode(codec, Buffer.from(given)) }
}

export function wireSamples(): Sample[] {
  return [...gossipSamples(), ...blockSamples(), ...otherSamples()]
}

function gossipSamples(): Sample[] {
  const comparison = {
    ranges: [
      { prefix: 'abc', summary: { count: 300, high: 1, low: 2 ** 32 - 1 } },
      { prefix: 'b', summary: { count: 0, high: 0, low: 0 } }
    ],
    lists: [
      { prefix: '0', items: [item, item] },
      { prefix: '1', items: [] }
    ]
  }
  return [
    message('comparison', comparisonCodec, comparison),
    message('offer', itemsCodec, [item, item]),
    message('want', keysCodec, [item.key, 'bb'.repeat(8)]),
    message('record message', recordCodec, bytes(500))
  ]
}

function blockSamples(): Sample[] {
  const core = bytes(16)
  const ranges = [
    { start: 0, length: 9 },
    { start: 70_000, length: 300 }
  ]
  return [
    message('interest', interestCodec, { core, ranges }),
    message('holding', holdingCodec, { start: 70_000, length: 9, bits: bytes(2) }),
    message('gained, claim or release', indexesCodec, [1, 300, 70_000]),
    message('request', requestCodec, { index: 300, nodes: 3, isCritical: true }),
    message('block', blockCodec, { index: 300, fork: 0, nodes: [node, node], value: bytes(300) }),
    message('decline or cancel', indexCodec, 2 ** 40)
  ]
}

function otherSamples(): Sample[] {
  const hash = bytes(64)
  const { keyPair, membership } = new TestFleet('tienda').member('a')
  const hello = encodeHello({ keyPair, membership, instance: bytes(8), counter: 300 }, true, hash)
  const head = { core: 'db' as const, length: 300, fork: 0, treeHash: bytes(32), signature: bytes(100) }
  return [
    { name: 'hello', real: hello, parse: (given) => verifyHello(given, true, hash) },
    message('heads', headsCodec as Codec<(typeof head)[]>, [head, head]),
    message('roots', rootsCodec, [
      { version: 1, bytes: bytes(300) },
      { version: 2, bytes: bytes(1) }
    ]),
    message('grant message', grantCodec, bytes(300))
  ]
}
