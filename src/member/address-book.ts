// Where members listen, as they say in address records: this one says it for itself, and dials a few of those it is not
// connected with. That is how members on other networks of the same company, and relays, find one another without a DHT.
// Neighbours who met through Hyperswarm alone (no multicast here) find the LAN that way too (decision 0408).
import { networkInterfaces } from 'node:os'
import { z } from 'zod'
import type { VerifiedRecord } from '../fleet/record.ts'
import type { RecordSet } from '../fleet/record-set.ts'
import { formatHostPort, type HostPort, parseHostPort } from '../net/address.ts'
import type { Links } from '../net/link-options.ts'
import type { Log } from '../system/log.ts'

const TIMES = {
  /** ms between rounds of dialling */
  round: 5 * 60_000,
  /** ms after which an unchanged address is said again; it expires after 14 days */
  renew: 5 * 86_400_000
}
/** members to dial in one round */
const DIALS = 8
/** far members to be connected with: news pass on through these as through all, and each costs signs of life all day */
const FAR = 8
/** records to look at in one round, of many thousands */
const LOOKS = 512
/** attempts on an address that somebody announced */
const PATIENCE = 2

const header = z.strictObject({ schema: z.literal(1), addresses: z.array(z.string().max(300)).max(8) })

export interface AddressBookParts {
  /** node key of this member in hex */
  node: string
  records: RecordSet
  links: Links
  /** signs and keeps a record of this member */
  announce(type: 'address', header: Uint8Array): Promise<void>
  log: Log
  now(): number
  random(): number
}

/** Starts saying and dialling. Returns the way to stop. */
export function keepAddressBook(parts: AddressBookParts): () => void {
  const round = () => {
    announceOwn(parts).catch((error: unknown) => parts.log.warn({ err: error }, 'own address not announced'))
    dialSome(parts)
    dialNear(parts, parts.records.list('address'))
  }
  round()
  const timer = setInterval(round, TIMES.round)
  const stopListening = parts.records.onAdded((record) => {
    if (record.type === 'address') dialNear(parts, [record])
  })
  return () => {
    stopListening()
    clearInterval(timer)
  }
}

async function announceOwn(parts: AddressBookParts): Promise<void> {
  const addresses = ownAddresses(parts.links.listening()).map(formatHostPort)
  const bytes = new TextEncoder().encode(JSON.stringify({ schema: 1, addresses }))
  const known = parts.records.get('address', parts.node)
  const isSame = known !== undefined && Buffer.compare(known.header, bytes) === 0
  if (isSame ? known.at + TIMES.renew > parts.now() : addresses.length === 0 && known === undefined) return
  await parts.announce('address', bytes)
}

/** The addresses under which others may reach a listener; none for one on loopback. */
function ownAddresses(listening: HostPort | null): HostPort[] {
  if (listening === null) return []
  const { host, port } = listening
  if (host !== '::' && host !== '0.0.0.0') return isDialable(host) ? [{ host, port }] : []
  const all = Object.values(networkInterfaces()).flatMap((list) => list ?? [])
  const usable = all.filter((one) => !one.internal && isDialable(one.address))
  return usable.slice(0, 8).map((one) => ({ host: one.address, port }))
}

/** Members that we are not connected with: the publisher first, then some by chance; far ones only while we know few. */
function dialSome({ records, links, node, random, log }: AddressBookParts): void {
  const peers = links.peers()
  const connected = new Set(peers.map((peer) => peer.node))
  const strangers = records
    .list('address')
    .filter(({ member }) => member.node !== node && !connected.has(member.node))
    .map((record) => ({ record, order: record.member.role === 'publisher' ? -1 : random() }))
    .sort((a, b) => a.order - b.order)
    .slice(0, LOOKS)
  let [dials, far] = [0, peers.filter(({ link }) => link.class !== 'lan').length]
  for (const { record } of strangers) {
    const isEnough = far >= FAR && record.member.role !== 'publisher'
    const addresses = addressesOf(record, log).filter((address) => !isEnough || links.isNear(address))
    if (addresses.length === 0) continue
    for (const address of addresses) links.addAddress(address, PATIENCE)
    if (!addresses.some((address) => links.isNear(address))) far++
    if (++dials === DIALS) return
  }
}

/** Members that we are connected with through Hyperswarm, and who may be on our own network. */
function dialNear({ links, log }: AddressBookParts, records: readonly VerifiedRecord[]): void {
  const far = new Set(links.peers().flatMap(({ link, node }) => (link.transport === 'swarm' ? [node] : [])))
  for (const record of records.filter(({ member }) => far.has(member.node))) {
    const near = addressesOf(record, log).filter((address) => links.isNear(address))
    for (const address of near) links.addAddress(address, PATIENCE)
  }
}

function addressesOf(record: VerifiedRecord, log: Log): string[] {
  try {
    const { addresses } = header.parse(JSON.parse(Buffer.from(record.header).toString()))
    return addresses.filter((address) => isDialable(parseHostPort(address).host))
  } catch (error) {
    log.debug({ err: error, member: record.member.name }, 'address record without sense')
    return []
  }
}

/** Not ourselves, not a group, not a link-local address, which means another machine on every network. */
function isDialable(host: string): boolean {
  return !/^(127\.|0\.|169\.254\.|22[4-9]\.|23\d\.|::1?$|fe[89ab]|ff|localhost$)/i.test(host)
}
