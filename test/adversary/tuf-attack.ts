// One attack on the metadata: an honest repository that a branch follows, a bent copy of it that an attacker serves, and
// the proof that the branch refuses, keeps what it had, and takes the next honest update all the same.
import assert from 'node:assert/strict'
import { ChasquiError } from '../../src/errors.ts'
import { CHASQUI_PROFILE, type TrustProfile } from '../../src/trust/profile.ts'
import { type MetadataSource, refreshTrust } from '../../src/trust/refresh.ts'
import type { Trust } from '../../src/trust/trust.ts'
import { Simulator } from '../conformance/simulator.ts'
import { MemoryStore } from '../trust/test-fleet.ts'
import type { AttackCase } from './table.ts'

const NOW = Date.parse('2026-06-01T00:00:00Z')
const RELEASE = 'releases/shop/default/1.0.0/release.json'

export interface TufAttack {
  name: string
  code: string
  /** before the branch sees the fleet for the first time */
  prepare?(honest: Simulator): void
  /** what the attacker changes in a copy of the repository */
  bend(evil: Simulator, honest: Simulator): void
  /** how the publisher gets the fleet going again; by default it just publishes */
  recover?(honest: Simulator): void
  profile?: TrustProfile
  /** what must still be stored as it was, where something that is rightly signed may have moved on before the refusal */
  keeps?: readonly string[]
}

const NOTHING = Buffer.alloc(0)

export const STRICT: TrustProfile = { ...CHASQUI_PROFILE, expiry: 'strict' }

/** A repository with two modules, each with a role and a release. */
function honestFleet(): Simulator {
  const honest = new Simulator()
  for (const module of ['shop', 'till']) {
    honest.delegate('targets', {
      name: `m.${module}`,
      paths: [`releases/${module}/*/*/release.json`],
      terminating: true
    })
    honest.addTarget(`m.${module}`, `releases/${module}/default/1.0.0/release.json`, `release of ${module}`)
  }
  honest.publish()
  return honest
}

function sourceOf(repo: Simulator): MetadataSource {
  return {
    async read(name) {
      const bytes = repo.metadata(name)
      return bytes === null ? null : new Uint8Array(repo.tamper(name, bytes))
    }
  }
}

/** The row's `run`: throws what the branch refuses with. */
export function tufCase(row: TufAttack): AttackCase {
  return {
    name: row.name,
    code: row.code,
    async run() {
      const honest = honestFleet()
      row.prepare?.(honest)
      const store = new MemoryStore()
      await store.save(new Map([['root.json', new Uint8Array(honest.roots.at(-1) as Buffer)]]))
      const profile = row.profile ?? CHASQUI_PROFILE
      await follow(store, honest, profile)
      const before = new Map(store.files)
      const evil = honest.clone()
      row.bend(evil, honest)
      const refusal = await follow(store, evil, profile).then(
        () => null,
        (error: unknown) => error
      )
      if (!(refusal instanceof ChasquiError)) throw refusal ?? new Error('the attack was accepted')
      assertUntouched(before, store.files, row.keeps ?? ['targets.json', 'm.shop.json'])
      await assertGoesOn(store, honest, row, profile)
      throw refusal
    }
  }
}

/** What a branch does: refresh, then look for its module. */
async function follow(store: MemoryStore, repo: Simulator, profile: TrustProfile, now = NOW): Promise<Trust> {
  const trust = await refreshTrust({ store, source: sourceOf(repo), now, profile })
  await trust.target(RELEASE)
  return trust
}

function assertUntouched(
  before: ReadonlyMap<string, Uint8Array>,
  after: ReadonlyMap<string, Uint8Array>,
  names: readonly string[]
): void {
  for (const name of names) {
    const isSame = Buffer.compare(after.get(name) ?? NOTHING, before.get(name) ?? NOTHING) === 0
    assert.ok(isSame, `${name} was replaced by the attack`)
  }
}

async function assertGoesOn(
  store: MemoryStore,
  honest: Simulator,
  row: TufAttack,
  profile: TrustProfile
): Promise<void> {
  row.recover?.(honest)
  const shop = honest.roles.get('m.shop')
  if (shop === undefined) throw new Error('no shop')
  shop.version += 3
  honest.targets.version += 3
  honest.addTarget('m.shop', RELEASE.replace('1.0.0', '2.0.0'), 'the next release')
  for (let i = 0; i < 3; i++) honest.publish()
  const trust = await follow(store, honest, profile)
  assert.notEqual(await trust.target(RELEASE.replace('1.0.0', '2.0.0')), null, 'the next release must arrive')
}
