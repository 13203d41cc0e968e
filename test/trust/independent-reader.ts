// A second reader of sections 5 and 7 of FORMAT.md, written from that text with Node's own crypto only: no line of Chasqui's
// trust code. It is short and simple rather than hardened; where it and Chasqui disagree on a vector, one of them is wrong.
import { createHash, createPublicKey, verify } from 'node:crypto'
import { refuse } from '../independent/refused.ts'

type Json = Record<string, never>
/** metadata as it comes; this reader trusts its shape on purpose */
type Any = ReturnType<typeof JSON.parse>

const sha256 = (bytes: Uint8Array | string) => createHash('sha256').update(bytes).digest('hex')

function canonical(value: Any): string {
  if (Array.isArray(value)) return `[${value.map(canonical).join(',')}]`
  if (typeof value === 'string') return `"${value.replaceAll('\\', '\\\\').replaceAll('"', '\\"')}"`
  if (value === null || typeof value !== 'object') return JSON.stringify(value)
  const entries = Object.keys(value).sort()
  return `{${entries.map((key) => `${canonical(key)}:${canonical(value[key])}`).join(',')}}`
}

function isSigned(message: Uint8Array, signature: Uint8Array, publicKey: string): boolean {
  const der = Buffer.concat([Buffer.from('302a300506032b6570032100', 'hex'), Buffer.from(publicKey, 'hex')])
  return verify(null, message, createPublicKey({ key: der, format: 'der', type: 'spki' }), signature)
}

export interface TrustVector {
  fleet: string
  now: string
  stored: Record<string, string>
  served: Record<string, string>
  look: string
}

/** Sections 5.1 to 5.3: what a branch finds, and whether it is stale. */
export function followFleet(vector: TrustVector): { found: boolean; stale: boolean } {
  const parse = (text: string): Any => {
    const file = JSON.parse(text)
    const { version, expires } = file.signed
    if (!Number.isSafeInteger(version) || version < 1 || !/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$/.test(expires)) {
      refuse('TUF_MALFORMED')
    }
    return file
  }
  const served = (name: string): Any => parse(vector.served[name] ?? refuse('TUF_MISSING'))
  const check = (file: Any, role: Any, keys: Any) => {
    const good = new Set<string>()
    for (const { keyid, sig } of file.signatures) {
      const key = role.keyids.includes(keyid) ? keys[keyid]?.keyval.public : undefined
      if (key !== undefined && isSigned(Buffer.from(canonical(file.signed)), Buffer.from(sig, 'hex'), key))
        good.add(key)
    }
    if (good.size < role.threshold) refuse('TUF_SIGNATURES')
  }
  let stored = { ...vector.stored }
  if (stored['root.json'] === undefined && sha256(vector.served['1.root.json'] ?? '') !== vector.fleet) {
    refuse('FLEET_MISMATCH')
  }
  let root = parse(stored['root.json'] ?? (vector.served['1.root.json'] as string))
  check(root, root.signed.roles.root, root.signed.keys)
  while (vector.served[`${root.signed.version + 1}.root.json`] !== undefined) {
    const next = served(`${root.signed.version + 1}.root.json`)
    check(next, root.signed.roles.root, root.signed.keys)
    check(next, next.signed.roles.root, next.signed.keys)
    const gone = (role: string) =>
      root.signed.roles[role].keyids.some((id: string) => !next.signed.roles[role].keyids.includes(id))
    if (gone('timestamp') || gone('snapshot')) stored = {}
    root = next
  }
  const top = (file: Any, role: string) => check(file, root.signed.roles[role], root.signed.keys)
  const timestamp = served('timestamp.json')
  top(timestamp, 'timestamp')
  const former = stored['timestamp.json'] === undefined ? null : parse(stored['timestamp.json'])
  if (former !== null && timestamp.signed.version < former.signed.version) refuse('TUF_ROLLBACK')
  const named = timestamp.signed.meta['snapshot.json']
  const snapshot = served(`${named.version}.snapshot.json`)
  top(snapshot, 'snapshot')
  if (sha256(vector.served[`${named.version}.snapshot.json`] as string) !== named.hashes.sha256)
    refuse('TUF_MISMATCH')
  const listed = (role: string): Any => {
    const { version } = snapshot.signed.meta[`${role}.json`]
    const file = served(`${version}.${role}.json`)
    return { file, version }
  }
  const fits = ({ file, version }: Any) => (file.signed.version === version ? file : refuse('TUF_MISMATCH'))
  const targets = listed('targets')
  top(targets.file, 'targets')
  fits(targets)
  const { roles, keys } = targets.file.signed.delegations
  const covers = (pattern: string) => {
    const globs = pattern.split('/').map((part) =>
      part
        .replace(/[.+^${}()|[\]\\]/g, '\\$&')
        .replaceAll('*', '[^/]*')
        .replaceAll('?', '[^/]')
    )
    return new RegExp(`^${globs.join('/')}$`).test(vector.look)
  }
  const loaded = [root, timestamp, snapshot, targets.file]
  const role = roles.find((each: Any) => each.paths.some(covers))
  let found = false
  if (role !== undefined) {
    const own = listed(role.name)
    check(own.file, role, keys)
    fits(own)
    loaded.push(own.file)
    found = Object.hasOwn(own.file.signed.targets, vector.look)
  }
  const now = Math.max(Date.parse(vector.now), Date.parse(timestamp.signed['x-chasqui'].signed))
  return { found, stale: loaded.some((file) => Date.parse(file.signed.expires) <= now) }
}

/** compact-encoding, as section 7 needs it. */
class Reader {
  readonly #bytes: Buffer
  #at = 0
  readonly #code: string
  constructor(bytes: Uint8Array, code: string) {
    this.#bytes = Buffer.from(bytes)
    this.#code = code
  }
  fixed(length: number): Buffer {
    if (this.#at + length > this.#bytes.length) refuse(this.#code)
    this.#at += length
    return this.#bytes.subarray(this.#at - length, this.#at)
  }
  uint(): number {
    const first = this.fixed(1)[0] as number
    if (first <= 0xfc) return first
    if (first === 0xfd) return this.fixed(2).readUInt16LE()
    if (first === 0xfe) return this.fixed(4).readUInt32LE()
    return Number(this.fixed(8).readBigUInt64LE())
  }
  bytes = () => this.fixed(this.uint())
  text = () => this.bytes().toString('utf8')
  list = () => Array.from({ length: this.uint() }, this.text)
  end(): void {
    if (this.#at !== this.#bytes.length) refuse(this.#code)
  }
}

const message = (what: string, bytes: Uint8Array) =>
  Buffer.concat([Buffer.from(`chasqui/${what}/1\0`), bytes])
const hex = (bytes: Uint8Array) => Buffer.from(bytes).toString('hex')

/** 7.1 */
function certificate(bytes: Uint8Array, enrolment: readonly string[]) {
  const outer = new Reader(bytes, 'MEMBERSHIP_INVALID')
  const body = outer.bytes()
  const signature = outer.fixed(64)
  outer.end()
  if (!enrolment.some((key) => isSigned(message('certificate', body), signature, key)))
    refuse('MEMBERSHIP_INVALID')
  const own = new Reader(body, 'MEMBERSHIP_INVALID')
  if (own.uint() !== 1) refuse('MEMBERSHIP_INVALID')
  const read = {
    invite: hex(own.fixed(16)),
    fleet: hex(own.fixed(32)),
    inviteKey: hex(own.fixed(32)),
    role: own.uint() === 1 ? 'publisher' : 'branch',
    name: own.text(),
    groups: own.list(),
    modules: own.list(),
    issued: own.uint(),
    expires: own.uint()
  }
  own.end()
  return read
}

/** 7.2, without a PIN */
export function readInvite(text: string): Json {
  const clean = text.replace(/\s+/g, '').toLowerCase()
  if (!clean.startsWith('chasqui1')) refuse('INVITE_DAMAGED')
  const alphabet = 'ybndrfg8ejkmcpqxot1uwisza345h769'
  const bits = [...clean.slice(8)].map((c) => alphabet.indexOf(c).toString(2).padStart(5, '0')).join('')
  const bytes = Buffer.from((bits.match(/.{8}/g) ?? []).map((byte) => Number.parseInt(byte, 2)))
  const content = bytes.subarray(0, -4)
  if (sha256(content).slice(0, 8) !== hex(bytes.subarray(-4))) refuse('INVITE_DAMAGED')
  const outer = new Reader(content, 'INVITE_DAMAGED')
  if (outer.uint() !== 1) refuse('INVITE_DAMAGED')
  const own = new Reader(outer.bytes(), 'INVITE_DAMAGED')
  const [fleetId, fleetSecret, feedKey, feedEncryptionKey] = [0, 1, 2, 3].map(() => hex(own.fixed(32)))
  const generation = own.uint()
  const enrolmentKey = hex(own.fixed(32))
  const inviteSeed = hex(own.fixed(32))
  const signed = own.bytes()
  const lists = { peers: own.list(), bootstrap: own.list() }
  const { fleet, inviteKey: _, ...details } = certificate(signed, [enrolmentKey])
  if (fleet !== fleetId) refuse('FLEET_MISMATCH')
  return {
    fleetId,
    fleetSecret,
    feedKey,
    feedEncryptionKey,
    generation,
    enrolmentKey,
    inviteSeed,
    ...lists,
    ...details
  } as unknown as Json
}

export interface MembershipVector {
  bytes: string
  fleet: string
  enrolmentKeys: string[]
  revokedInvites: string[]
  revokedNodes: string[]
  now: number
}

/** 7.3 and 7.4 */
export function readMembership(vector: MembershipVector): object {
  const own = new Reader(Buffer.from(vector.bytes, 'hex'), 'MEMBERSHIP_INVALID')
  if (own.uint() !== 1) refuse('MEMBERSHIP_INVALID')
  const signed = own.bytes()
  const node = own.fixed(32)
  const signature = own.fixed(64)
  const grantBytes = own.bytes()
  own.end()
  let details = certificate(signed, vector.enrolmentKeys)
  const { expires } = details
  if (details.fleet !== vector.fleet) refuse('FLEET_MISMATCH')
  const said = message('membership', Buffer.concat([signed, node]))
  if (!isSigned(said, signature, details.inviteKey)) refuse('MEMBERSHIP_INVALID')
  const granted = grantBytes.length > 0
  if (granted) {
    const outer = new Reader(grantBytes, 'GRANT_INVALID')
    const body = outer.bytes()
    const by = outer.fixed(64)
    if (!vector.enrolmentKeys.some((key) => isSigned(message('grant', body), by, key)))
      refuse('GRANT_INVALID')
    const grant = new Reader(body, 'GRANT_INVALID')
    grant.uint()
    const [fleet, invite, owner] = [hex(grant.fixed(32)), hex(grant.fixed(16)), hex(grant.fixed(32))]
    if (fleet !== details.fleet || invite !== details.invite || owner !== hex(node)) refuse('GRANT_INVALID')
    grant.uint()
    grant.uint()
    grant.fixed(32)
    grant.bytes()
    const newer = grant.bytes()
    if (newer.length > 0) details = certificate(newer, vector.enrolmentKeys)
  } else if (vector.now > expires) refuse('INVITE_EXPIRED')
  const { invite, name, groups, modules, role } = details
  if (vector.revokedInvites.includes(invite) || vector.revokedNodes.includes(hex(node)))
    refuse('MEMBER_REVOKED')
  return { node: hex(node), invite, name, groups, modules, role, granted, expires }
}
