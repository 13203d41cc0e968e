// One change of who may sign, from the home's keys to the feed. What all ceremonies share.
import { join } from 'node:path'
import { ChasquiError } from '../../src/errors.ts'
import { openKeyStore } from '../../src/system/key-store.ts'
import type { RoleSetup } from '../../src/trust/author.ts'
import { formatTime, fromHex } from '../../src/trust/bytes.ts'
import { FleetDraft } from '../../src/trust/draft.ts'
import { createKey, encodeKeyFiles, PROTECTED_ROLES } from '../../src/trust/fleet-keys.ts'
import { type KeyRole, type OpenKey, openKeyFile, Passphrase } from '../../src/trust/key-file.ts'
import { keyId, keyPairOf, type Signer, signerOf, wipe } from '../../src/trust/keys.ts'
import type { PublisherApp } from '../app.ts'
import { commitKeyChange, finishKeyChange, type KeyChange } from '../commit.ts'
import { openSigners, signerOfOpen } from '../signing.ts'
import { groundOf } from './ground.ts'
import { dropOutdated, leaveRequest, NO_RELEASES, type Waiting } from './leave-request.ts'
import { rolesOf, trustedKeys } from './list.ts'

type Keys = Pick<PublisherApp, 'keys' | 'paths'>

/** A draft of what the fleet's metadata is without anybody else's work. */
export async function openDraft(app: PublisherApp, options: { isLost?: boolean } = {}): Promise<FleetDraft> {
  const { current } = await groundOf(app, options)
  // whoever holds the keys in hand knows the time better than what a thief may have signed
  return new FleetDraft(current, app.now(), { clockIsRight: true })
}

/**
 * Signs with the keys of these roles that are here (and `more`), and appends; leaves a signing request when more people
 * have to agree. Throws KEY_MISSING, PASSPHRASE_*.
 */
export async function finishChange(
  app: PublisherApp,
  draft: FleetDraft,
  keys: {
    roles: readonly KeyRole[]
    passphrase: string | undefined
    more?: readonly Signer[]
    /** where the signed change goes; absent: to the feed */
    put?(change: KeyChange): Promise<void>
  }
): Promise<Waiting | null> {
  const signers = [...(await openSigners(app, keys.roles, keys.passphrase)), ...(keys.more ?? [])]
  draft.sign(signers)
  if (draft.missing().length > 0) return leaveRequest(app, draft, NO_RELEASES)
  const change = await finishKeyChange(app, draft, signers)
  await (keys.put?.(change) ?? commitKeyChange(app, change))
  await dropOutdated(app)
  return null
}

/** The online keys, with one that is about to replace them. */
export async function onlineSigners(app: PublisherApp): Promise<Signer[]> {
  const keys = [...(await app.keys.open('online', null)), ...(await nextKeys(app).open('online', null))]
  return keys.map((key) => signerOfOpen(app, key))
}

/**
 * A key that will replace another. It is written before it is named anywhere, in a folder of its own; a ceremony that was
 * cut finds it there and goes on with it.
 */
export async function nextKey(
  app: PublisherApp,
  role: KeyRole,
  passphrase: string | undefined
): Promise<OpenKey> {
  const opener = passphrase === undefined ? null : new Passphrase(passphrase)
  try {
    const waiting = (await nextKeys(app).list()).find((file) => file.role === role)
    return waiting === undefined ? await makeNext(app, role, opener) : openKeyFile(waiting, opener)
  } finally {
    opener?.wipe()
  }
}

async function makeNext(app: PublisherApp, role: KeyRole, opener: Passphrase | null): Promise<OpenKey> {
  const key = createKey(role, app.random)
  const sealer = PROTECTED_ROLES.includes(role) ? await homePassphrase(app, opener) : null
  await nextKeys(app).add(encodeKeyFiles([key], formatTime(app.now()), sealer, app.random))
  return key
}

/** The passphrase, proven on a key that it protects already; null when this home has open keys only. */
async function homePassphrase(app: PublisherApp, given: Passphrase | null): Promise<Passphrase | null> {
  const known = (await app.keys.list()).find((file) => file.sealed !== undefined)
  if (known === undefined) return null
  wipe(openKeyFile(known, given).seed)
  return given
}

/** The new key takes its place among the others; the former one goes to the folder of retired keys. */
export async function settleKey(app: Keys, role: KeyRole, former: string): Promise<void> {
  const waiting = nextKeys(app)
  for (const file of (await waiting.list()).filter((each) => each.role === role)) {
    await app.keys.add([encodeFile(file)])
    await waiting.remove(file.public)
  }
  const old = (await app.keys.list()).find((file) => file.public === former)
  if (old === undefined) return
  await openKeyStore(join(app.paths.keys, 'retired')).add([encodeFile(old)])
  await app.keys.remove(former)
}

/** Public keys (hex) that wait to replace others of a role. */
export async function waitingKeys(app: PublisherApp, role: KeyRole): Promise<string[]> {
  return (await nextKeys(app).list()).filter((file) => file.role === role).map((file) => file.public)
}

/** Keys that wait to replace others. */
export function nextKeys(app: Pick<PublisherApp, 'paths'>) {
  return openKeyStore(join(app.paths.keys, 'next'))
}

function encodeFile(file: object): Uint8Array {
  return new Uint8Array(Buffer.from(`${JSON.stringify(file, null, 2)}\n`, 'utf8'))
}

export function signerOfKey(key: OpenKey): Signer {
  return signerOf(keyPairOf(key.seed))
}

/** A public key as people write it: 64 hex digits. Throws USAGE. */
export function publicKeyOf(text: string): Uint8Array {
  const key = fromHex(text, 32)
  if (key !== null) return key
  throw new ChasquiError('USAGE', `"${text}" is not a public key`, {
    hint: 'a public key is 64 lower-case hex digits; see "publisher keys list" or "publisher keys new"'
  })
}

/** The signers of a role now. Throws ROLE_NAME. */
export async function signersOfRole(app: PublisherApp, role: string): Promise<RoleSetup> {
  const ground = await groundOf(app)
  const line = rolesOf(ground).find((each) => each.role === (role === 'online' ? 'timestamp' : role))
  if (line === undefined) {
    throw new ChasquiError('ROLE_NAME', `there is no role ${role}`, { hint: 'see "publisher keys list"' })
  }
  const known = trustedKeys(ground)
  return { keys: line.keys.map((id) => publicKeyOf(known.get(id) ?? '')), threshold: line.threshold }
}

/** The same signers with `next` (32 bytes) in place of the key with the id `former`. */
export function replaceKey(setup: RoleSetup, former: string, next: Uint8Array): RoleSetup {
  const keys = setup.keys.map((key) => (keyId(key) === former ? next : key))
  return { keys, threshold: setup.threshold }
}
