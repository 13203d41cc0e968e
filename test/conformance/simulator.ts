// A TUF repository for tests: plain metadata objects that a test may bend as it likes, signed by keys of any kind, served
// over loopback HTTP with every request on record. It knows nothing of Chasqui's own author code.
import { createHash, generateKeyPairSync, type KeyObject, sign as signBytes } from 'node:crypto'
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { canonicalize } from '@tufjs/canonical-json'

type Json = Record<string, unknown>
type Kind = 'ed25519' | 'ecdsa' | 'rsa' | 'rsa-pkcs1v15'
export interface TestKey {
  id: string
  json: Json
  sign(bytes: Buffer): string
}

/** A fresh key; `id` may be given to write one key under two ids. */
export function makeKey(kind: Kind = 'ed25519', id?: string): TestKey {
  const { publicKey, privateKey } = makePair(kind)
  const der = publicKey.export({ format: 'der', type: 'spki' })
  const pem = publicKey.export({ format: 'pem', type: 'spki' })
  const json: Json =
    kind === 'ed25519'
      ? { keytype: 'ed25519', scheme: 'ed25519', keyval: { public: der.subarray(-32).toString('hex') } }
      : kind === 'ecdsa'
        ? { keytype: 'ecdsa', scheme: 'ecdsa-sha2-nistp256', keyval: { public: pem } }
        : {
            keytype: 'rsa',
            scheme: kind === 'rsa' ? 'rsassa-pss-sha256' : 'rsa-pkcs1v15-sha256',
            keyval: { public: pem }
          }
  const own = createHash('sha256').update(canonicalize(json)).digest('hex')
  return { id: id ?? own, json, sign: (bytes) => signWith(kind, privateKey, bytes) }
}

function makePair(kind: Kind): { publicKey: KeyObject; privateKey: KeyObject } {
  if (kind === 'ed25519') return generateKeyPairSync('ed25519')
  if (kind === 'ecdsa') return generateKeyPairSync('ec', { namedCurve: 'P-256' })
  return generateKeyPairSync('rsa', { modulusLength: 2048 })
}

function signWith(kind: string, key: KeyObject, bytes: Buffer): string {
  if (kind === 'ed25519') return signBytes(null, bytes, key).toString('hex')
  if (kind !== 'rsa') return signBytes('sha256', bytes, key).toString('hex')
  return signBytes('sha256', bytes, { key, padding: 6, saltLength: 32 }).toString('hex')
}

export interface Part extends Json {
  version: number
  expires: string
}
interface RootPart extends Part {
  keys: Record<string, Json>
  roles: Record<string, { keyids: string[]; threshold: number }>
  consistent_snapshot: boolean
}
interface Delegation {
  name: string
  paths?: string[]
  path_hash_prefixes?: string[]
  terminating?: boolean
  threshold?: number
  keys?: TestKey[]
}

const SAFE = '2036-01-01T00:00:00Z'
const hash = (bytes: Buffer, algorithm = 'sha256') => createHash(algorithm).update(bytes).digest('hex')

export class Simulator {
  readonly signers = new Map<string, TestKey[]>()
  readonly root: RootPart
  readonly timestamp: Part & { meta: Record<string, Json> }
  readonly snapshot: Part & { meta: Record<string, Json & { version: number }> }
  readonly roles = new Map<string, Part & { targets: Record<string, Json>; delegations?: Json }>()
  readonly artifacts = new Map<string, Buffer>()
  /** root versions as they were published, verbatim */
  readonly roots: Buffer[] = []
  /** what was asked for, in order: file names for metadata */
  readonly requests: string[] = []
  readonly targetRequests: string[] = []
  /** put length and hashes of metadata into timestamp and snapshot */
  withHashes = false
  /** change bytes on their way out */
  tamper: (name: string, bytes: Buffer) => Buffer = (_, bytes) => bytes
  #server: Server | null = null

  constructor(kind: Kind = 'ed25519') {
    const roles: RootPart['roles'] = {}
    const keys: RootPart['keys'] = {}
    for (const role of ['root', 'timestamp', 'snapshot', 'targets']) {
      const key = makeKey(kind)
      this.signers.set(role, [key])
      roles[role] = { keyids: [key.id], threshold: 1 }
      keys[key.id] = key.json
    }
    const part = (type: string) => ({ _type: type, spec_version: '1.0.31', version: 1, expires: SAFE })
    this.root = { ...part('root'), keys, roles, consistent_snapshot: true }
    this.timestamp = { ...part('timestamp'), meta: { 'snapshot.json': { version: 1 } } }
    this.snapshot = { ...part('snapshot'), meta: { 'targets.json': { version: 1 } } }
    this.roles.set('targets', { ...part('targets'), targets: {} })
    this.publishRoot()
  }

  /** Another repository with the same content and the same keys: what a thief of all keys could write. */
  clone(): Simulator {
    const copy = new Simulator()
    Object.assign(
      copy,
      structuredClone({ root: this.root, timestamp: this.timestamp, snapshot: this.snapshot })
    )
    copy.roles.clear()
    for (const [name, role] of this.roles) copy.roles.set(name, structuredClone(role))
    for (const [name, keys] of this.signers) copy.signers.set(name, [...keys])
    for (const [path, bytes] of this.artifacts) copy.artifacts.set(path, bytes)
    copy.roots.splice(0, Infinity, ...this.roots)
    copy.withHashes = this.withHashes
    return copy
  }

  get targets() {
    return this.roles.get('targets') as Part & { targets: Record<string, Json>; delegations?: Json }
  }

  addKey(role: string, key = makeKey()): TestKey {
    this.root.keys[key.id] = key.json
    this.root.roles[role]?.keyids.push(key.id)
    this.signers.get(role)?.push(key)
    return key
  }

  /** Replaces all keys of a role by a fresh one. */
  rotate(role: string): void {
    const old = this.root.roles[role]?.keyids ?? []
    for (const id of old) delete this.root.keys[id]
    this.root.roles[role] = { keyids: [], threshold: 1 }
    this.signers.set(role, [])
    this.addKey(role)
  }

  /** Publishes the next version of root. */
  bumpRoot(): void {
    this.root.version++
    this.publishRoot()
  }

  publishRoot(): void {
    this.roots.push(this.#envelope(this.root, 'root'))
  }

  /** New snapshot and timestamp over what the roles say now. */
  publish(): void {
    for (const [name, role] of this.roles) this.snapshot.meta[`${name}.json`] = this.#meta(role, name)
    this.snapshot.version++
    this.publishTimestamp()
  }

  publishTimestamp(): void {
    this.timestamp.meta['snapshot.json'] = this.#meta(this.snapshot, 'snapshot')
    this.timestamp.version++
  }

  #meta(part: Part, role: string): Json & { version: number } {
    const bytes = this.#envelope(part, role)
    const { version } = part
    return this.withHashes ? { version, length: bytes.length, hashes: { sha256: hash(bytes) } } : { version }
  }

  addTarget(role: string, path: string, content: string): void {
    const bytes = Buffer.from(content)
    this.artifacts.set(path, bytes)
    const part = this.roles.get(role)
    if (part !== undefined) part.targets[path] = { length: bytes.length, hashes: { sha256: hash(bytes) } }
  }

  delegate(delegator: string, delegation: Delegation): void {
    const { keys = [makeKey()], ...rest } = delegation
    const parent = this.roles.get(delegator)
    if (parent === undefined) throw new Error(`no role ${delegator}`)
    parent.delegations ??= { keys: {}, roles: [] }
    const own = parent.delegations as { keys: Json; roles: Json[] }
    for (const key of keys) own.keys[key.id] = key.json
    own.roles.push({ terminating: false, threshold: 1, ...rest, keyids: keys.map((key) => key.id) })
    this.signers.set(rest.name, [...(this.signers.get(rest.name) ?? []), ...keys])
    this.addRole(rest.name)
  }

  /** TAP 15 bins, all with one key. */
  delegateBins(bitLength: number, prefix: string): void {
    const key = makeKey()
    const bins = { bit_length: bitLength, name_prefix: prefix, keyids: [key.id], threshold: 1 }
    this.targets.delegations = { keys: { [key.id]: key.json }, succinct_roles: bins }
    const width = (2 ** bitLength - 1).toString(16).length
    for (let i = 0; i < 2 ** bitLength; i++) {
      const name = `${prefix}-${i.toString(16).padStart(width, '0')}`
      this.signers.set(name, [key])
      this.addRole(name)
    }
  }

  addRole(name: string): void {
    if (this.roles.has(name)) return
    const role = { _type: 'targets', spec_version: '1.0.31', version: 1, expires: SAFE, targets: {} }
    this.roles.set(name, role)
  }

  #envelope(part: Part, role: string): Buffer {
    const bytes = Buffer.from(canonicalize(part))
    const signatures = (this.signers.get(role) ?? []).map((key) => ({ keyid: key.id, sig: key.sign(bytes) }))
    return Buffer.from(JSON.stringify({ signatures, signed: part }, null, 1))
  }

  /** A metadata file as it is served now, or null. */
  metadata(file: string): Buffer | null {
    const match = /^(?:(\d+)\.)?(.+)\.json$/.exec(file)
    if (match === null) return null
    const name = decodeURIComponent(match[2] as string)
    const version = match[1] === undefined ? null : Number(match[1])
    if (name === 'root') return this.roots[(version ?? 0) - 1] ?? null
    const part =
      name === 'timestamp' ? this.timestamp : name === 'snapshot' ? this.snapshot : this.roles.get(name)
    if (part === undefined) return null
    const needsVersion = this.root.consistent_snapshot && name !== 'timestamp'
    return needsVersion === (version !== null) ? this.#envelope(part, name) : null
  }

  /** An artifact by its URL path, with its hash in front when the repository is consistent. */
  #artifact(urlPath: string): Buffer | null {
    const segments = urlPath.split('/').map(decodeURIComponent)
    const last = segments.pop() ?? ''
    const name = this.root.consistent_snapshot ? last.slice(last.indexOf('.') + 1) : last
    return this.artifacts.get([...segments, name].join('/')) ?? null
  }

  async start(): Promise<string> {
    const server = createServer((request, response) => {
      const [kind, ...rest] = (request.url ?? '').slice(1).split('/')
      const path = rest.join('/')
      if (kind === 'metadata') this.requests.push(path)
      else this.targetRequests.push(path)
      const found = kind === 'metadata' ? this.metadata(path) : this.#artifact(path)
      if (found === null) response.writeHead(404).end('nothing here')
      else response.writeHead(200).end(this.tamper(path, found))
    })
    this.#server = server
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
    return `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  }

  async stop(): Promise<void> {
    await new Promise((resolve) => this.#server?.close(resolve))
  }
}
