// Members of a pretend fleet for tests of the links: the membership is plain text here (trust has its own tests).
import { createHash } from 'node:crypto'
import NoiseSecretStream, { type KeyPair } from '@hyperswarm/secret-stream'
import { ChasquiError } from '../../src/errors.ts'
import { type RecordType, signRecord, verifyRecord } from '../../src/fleet/record.ts'
import { RecordSet } from '../../src/fleet/record-set.ts'
import type { Links, LinksOptions } from '../../src/net/link-options.ts'
import { createLinks } from '../../src/net/links.ts'
import type { LinkMember } from '../../src/net/peer.ts'
import { silentLog } from '../../src/system/log.ts'
import type { Member } from '../../src/trust/membership.ts'

export interface TestMember {
  name: string
  keyPair: KeyPair
  node: string
  membership: Uint8Array
}

const seed = (text: string) => createHash('sha256').update(text).digest()

export class TestFleet {
  readonly name: string
  readonly revoked = new Set<string>()
  /** nodes that the publisher has confirmed, by name; null: all */
  granted: Set<string> | null = null

  constructor(name: string) {
    this.name = name
  }

  member(name: string, role: Member['role'] = 'branch'): TestMember {
    const keyPair = NoiseSecretStream.keyPair(seed(`${this.name}/${name}`))
    const node = Buffer.from(keyPair.publicKey).toString('hex')
    return { name, keyPair, node, membership: Buffer.from(`${this.name} ${role} ${name} ${node}`) }
  }

  verifyMembership = (membership: Uint8Array): LinkMember => {
    const [fleet, role, name = '', node = ''] = Buffer.from(membership).toString().split(' ')
    if (fleet !== this.name || this.revoked.has(name)) {
      throw new ChasquiError('ADMISSION_REFUSED', `${name} is not a member of ${this.name}`)
    }
    return {
      node,
      // `till#2` is the second node that came with the invite of `till`
      invite: seed(`invite ${name.split('#')[0]}`)
        .toString('hex')
        .slice(0, 32),
      name,
      groups: [],
      modules: ['*'],
      role: role as Member['role'],
      granted: this.granted === null || this.granted.has(name)
    }
  }

  get topic(): Uint8Array {
    return seed(`topic ${this.name}`)
  }

  links(member: TestMember, options: Partial<LinksOptions> = {}): Links {
    return createLinks({
      identity: { keyPair: member.keyPair, membership: member.membership },
      fleet: {
        topic: this.topic,
        responder: NoiseSecretStream.keyPair(seed(`responder ${this.name}`)),
        verifyMembership: this.verifyMembership
      },
      internet: false,
      listen: '127.0.0.1:0',
      peers: [],
      onPeer: () => undefined,
      log: silentLog,
      ...options
    })
  }

  records(): RecordSet {
    return new RecordSet({ verify: (bytes) => verifyRecord(bytes, this.verifyMembership) })
  }

  record(
    member: TestMember,
    sequence: number,
    options: { type?: RecordType; body?: string; at?: number; epoch?: number } = {}
  ) {
    return signRecord(
      {
        type: options.type ?? 'report',
        author: member.keyPair.publicKey,
        membership: member.membership,
        epoch: options.epoch ?? 1,
        sequence,
        at: options.at ?? 1_700_000_000_000,
        header: Buffer.from('{}'),
        body: Buffer.from(options.body ?? 'body')
      },
      member.keyPair.secretKey
    )
  }
}

/** Waits until a condition holds; tests say what they wait for, never how long it takes. */
export async function until(condition: () => boolean, what: string): Promise<void> {
  for (let waited = 0; !condition(); waited += 10) {
    if (waited > 20_000) throw new Error(`still waiting: ${what}`)
    await new Promise((resolve) => setTimeout(resolve, 10))
  }
}

/** `host:port` of a started listener. */
export function addressOf(links: Links): string {
  const at = links.listening()
  if (at === null) throw new Error('not listening')
  return `${at.host}:${at.port}`
}
