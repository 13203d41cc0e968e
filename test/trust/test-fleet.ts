// A fleet for tests: keys from fixed seeds, a repository in memory that the author's publications are applied to, and
// branches with a store of their own.
import { createHash } from 'node:crypto'
import { addReleases, createFleet, type FleetSetup, type RoleSetup } from '../../src/trust/author.ts'
import { type Current, currentOf } from '../../src/trust/current.ts'
import { keyPairOf, type Signer, sealingPairOf, signerOf } from '../../src/trust/keys.ts'
import type { Publication } from '../../src/trust/online-roles.ts'
import type { TrustProfile } from '../../src/trust/profile.ts'
import { type MetadataSource, refreshTrust, type TrustStore } from '../../src/trust/refresh.ts'
import { salvage } from '../../src/trust/salvage.ts'
import { fleetIdOf, type Trust } from '../../src/trust/trust.ts'

export const START = Date.parse('2026-01-01T00:00:00Z')
export const DAY = 24 * 60 * 60 * 1000

export const seedOf = (name: string) => new Uint8Array(createHash('sha256').update(`seed ${name}`).digest())
export const pair = (name: string) => keyPairOf(seedOf(name))
export const signer = (name: string): Signer => signerOf(pair(name))
export const publicKey = (name: string) => pair(name).publicKey
export const setup = (names: string[], threshold = 1): RoleSetup => ({
  keys: names.map(publicKey),
  threshold
})
export const utf8 = (text: string) => new Uint8Array(Buffer.from(text, 'utf8'))

/** Signers of a fleet that `TestFleet` makes by default. */
export const OWNER = ['root', 'targets', 'release', 'online']

export class MemoryStore implements TrustStore {
  readonly files = new Map<string, Uint8Array>()
  async load() {
    return new Map(this.files)
  }
  async save(changes: ReadonlyMap<string, Uint8Array | null>) {
    for (const [name, bytes] of changes) {
      if (bytes === null) this.files.delete(name)
      else this.files.set(name, bytes)
    }
  }
}

/** Serves the files of a map and remembers what it was asked for. */
export class MemorySource implements MetadataSource {
  readonly requests: string[] = []
  readonly files: ReadonlyMap<string, Uint8Array>
  constructor(files: ReadonlyMap<string, Uint8Array>) {
    this.files = files
  }
  async read(name: string) {
    this.requests.push(name)
    return this.files.get(name) ?? null
  }
}

function fleetSetup(over: Partial<FleetSetup> = {}): FleetSetup {
  return {
    name: 'Tiendas del Sur',
    root: setup(['root']),
    targets: setup(['targets']),
    online: setup(['online']),
    feedKey: publicKey('feed'),
    enrolment: publicKey('enrolment'),
    sealing: sealingPairOf(seedOf('sealing')).publicKey,
    onlineTargets: new Map([['channels.json', utf8('{"schema":1}')]]),
    ...over
  }
}

export class TestFleet {
  /** what the feed holds: every file by its repository name */
  readonly files = new Map<string, Uint8Array>()
  /** what the publisher remembers of its own work, by role */
  readonly own = new Map<string, Uint8Array>()
  now = START

  constructor(over: Partial<FleetSetup> = {}, signers: string[] = OWNER) {
    this.apply(createFleet(fleetSetup(over), signers.map(signer), this.now))
  }

  get id(): string {
    return fleetIdOf(this.files.get('1.root.json') as Uint8Array)
  }

  apply(publication: Publication): Publication {
    for (const [name, bytes] of publication.files) {
      this.files.set(name, bytes)
      this.own.set(name.replace(/^\d+\./, '').replace(/\.json$/, ''), bytes)
    }
    for (const name of publication.obsolete) this.files.delete(name)
    return publication
  }

  /** A copy of what the feed holds now. */
  copy(): Map<string, Uint8Array> {
    return new Map(this.files)
  }

  branch(files: ReadonlyMap<string, Uint8Array> = this.files): Branch {
    return new Branch(this.id, files)
  }

  async current(roles: string[] = ['channels']): Promise<Current> {
    const branch = this.branch()
    return currentOf(await branch.refresh(this.now), roles)
  }

  /** What a change of keys starts from; without `own` the publisher was restored and remembers nothing. */
  salvaged(own: ReadonlyMap<string, Uint8Array> = this.own): Promise<Current> {
    const roots = [...this.files.keys()].filter((name) => name.endsWith('.root.json'))
    const newest = Math.max(...roots.map((name) => Number.parseInt(name, 10)))
    return salvage({
      root: this.files.get(`${newest}.root.json`) as Uint8Array,
      own,
      names: [...this.files.keys()],
      read: async (name) => this.files.get(name) ?? null
    })
  }

  /** Every version of root, in order. */
  roots(): Uint8Array[] {
    const versions = [...this.files.keys()].flatMap((name) => /^(\d+)\.root\.json$/.exec(name)?.[1] ?? [])
    return versions
      .map(Number)
      .sort((a, b) => a - b)
      .map((version) => this.files.get(`${version}.root.json`) as Uint8Array)
  }

  /** Publishes `module@version` by the owner's keys. */
  async release(module: string, version: string, signers: string[] = OWNER): Promise<Publication> {
    const current = await this.current(['channels', `m.${module}`])
    const bytes = utf8(JSON.stringify({ module, version }))
    const release = { module, track: 'default', version, bytes }
    return this.apply(
      addReleases(current, [release], { newModules: setup(['release']) }, signers.map(signer), this.now)
    )
  }
}

export class Branch {
  readonly store = new MemoryStore()
  readonly fleetId: string
  files: ReadonlyMap<string, Uint8Array>
  source: MemorySource

  constructor(fleetId: string, files: ReadonlyMap<string, Uint8Array>) {
    this.fleetId = fleetId
    this.files = files
    this.source = new MemorySource(files)
  }

  refresh(now: number, profile?: TrustProfile): Promise<Trust> {
    this.source = new MemorySource(this.files)
    const options = { store: this.store, source: this.source, now, fleetId: this.fleetId }
    return refreshTrust(profile === undefined ? options : { ...options, profile })
  }
}
