// `keys backup` and `keys restore`: every key of the home in one encrypted file, and a home made of it on a new machine.
import { join } from 'node:path'
import { ChasquiError } from '../../src/errors.ts'
import { writeFileDurably } from '../../src/system/durable.ts'
import { createHome, type HomePaths } from '../../src/system/home.ts'
import { openKeyStore } from '../../src/system/key-store.ts'
import { realFileSystem } from '../../src/system/real-file-system.ts'
import { openTrustStore, readRootChain } from '../../src/system/trust-store.ts'
import { formatTime } from '../../src/trust/bytes.ts'
import { encodeKeyFiles } from '../../src/trust/fleet-keys.ts'
import { type BackedUpKey, decodeKeyBackup, encodeKeyBackup } from '../../src/trust/key-backup.ts'
import { KEY_ROLES, type KeyFile, type KeyRole, openKeyFile, Passphrase } from '../../src/trust/key-file.ts'
import { wipe } from '../../src/trust/keys.ts'
import type { PublisherApp } from '../app.ts'
import { listInvites } from '../members.ts'
import { forgetNewer, markRestored } from '../restored.ts'
import { nextKeys } from './change.ts'
import { idOf } from './list.ts'

export interface BackedUp {
  /** the encrypted file, base64 */
  backup: string
  fleet: string
  keys: { id: string; role: string }[]
  /** roles whose keys are not in this home, so that the backup lacks them too */
  absent: KeyRole[]
}

/** `keys backup`: opens every key of the home and seals them with the backup's own passphrase. */
export async function backupKeys(app: PublisherApp, raw: unknown): Promise<BackedUp> {
  const { passphrase, backupPassphrase } = raw as { passphrase?: string; backupPassphrase: string }
  const opener = passphrase === undefined ? null : new Passphrase(passphrase)
  const files = await app.keys.list()
  const waiting = await nextKeys(app).list()
  const open = (file: KeyFile) => ({ ...openKeyFile(file, opener), created: file.created })
  const keys: BackedUpKey[] = [
    ...files.map(open),
    ...waiting.map((file) => ({ ...open(file), waits: true as const }))
  ]
  const backup = {
    name: app.identity.name,
    fleet: app.fleet.id,
    keys,
    membership: app.member.membership,
    invites: await listInvites(app),
    metadata: await topLevelMetadata(app.paths)
  }
  const sealer = new Passphrase(backupPassphrase)
  const random = { salt: app.random(16), nonce: app.random(24) }
  const bytes = encodeKeyBackup(backup, formatTime(app.now()), sealer, random)
  opener?.wipe()
  sealer.wipe()
  wipe(...keys.map(({ seed }) => seed))
  return {
    backup: Buffer.from(bytes).toString('base64'),
    fleet: app.fleet.id,
    keys: [...files, ...waiting].map((file) => ({ id: idOf(file), role: file.role })),
    absent: KEY_ROLES.filter((role) => !files.some((file) => file.role === role))
  }
}

/** What this home has signed and accepted: a restored publisher must not sign on top of something older. */
async function topLevelMetadata(paths: HomePaths): Promise<Map<string, Uint8Array>> {
  const names = ['root.json', 'timestamp.json', 'snapshot.json', 'targets.json']
  const files = [...(await openTrustStore(paths.trust).load())].filter(([name]) => names.includes(name))
  const roots = [...(await readRootChain(paths.trust))]
  return new Map([...files, ...roots.map(([n, bytes]) => [`roots/${n}.root.json`, bytes] as const)])
}

export interface RestoreRequest {
  paths: HomePaths
  backup: Uint8Array
  backupPassphrase: string
  /** of the new home; null: its keys are not protected */
  passphrase: string | null
  /** leave out what was signed last: the copies that survived are older, and nobody has seen the rest */
  forgetNewer?: boolean
  random(bytes: number): Uint8Array
}

export interface Restored {
  name: string
  fleet: string
  keys: { id: string; role: string }[]
}

/**
 * `keys restore`: makes a publisher's home of a backup. Its feed is empty until it has caught up from a branch or a
 * stick. Throws HOME_EXISTS, KEY_BACKUP_DAMAGED, PASSPHRASE_WRONG.
 */
export async function restoreKeys(request: RestoreRequest): Promise<Restored> {
  const { paths } = request
  if ((await realFileSystem.stat(paths.identity)) !== null) {
    throw new ChasquiError('HOME_EXISTS', `${paths.root} already holds a home`, {
      hint: 'restore into another folder with --home'
    })
  }
  const opener = new Passphrase(request.backupPassphrase)
  const backup = decodeKeyBackup(request.backup, opener)
  opener.wipe()
  const sealer = request.passphrase === null ? null : new Passphrase(request.passphrase)
  const filesOf = (keys: readonly BackedUpKey[]) =>
    keys.flatMap((key) => encodeKeyFiles([key], key.created, sealer, request.random))
  const waiting = filesOf(backup.keys.filter(({ waits }) => waits === true))
  await openKeyStore(paths.keys).add(filesOf(backup.keys.filter(({ waits }) => waits !== true)))
  if (waiting.length > 0) await nextKeys({ paths }).add(waiting)
  sealer?.wipe()
  await openTrustStore(paths.trust).save(backup.metadata)
  if (request.forgetNewer) await forgetNewer(paths)
  await markRestored(paths, backup.invites)
  await writeFileDurably(realFileSystem, join(paths.keys, 'membership.bin'), backup.membership, 0o600)
  await createHome(paths, { schema: 1, role: 'publisher', name: backup.name, fleet: backup.fleet })
  const keys = backup.keys.map((key) => ({ id: idOf(key), role: key.role }))
  wipe(...backup.keys.map(({ seed }) => seed))
  return { name: backup.name, fleet: backup.fleet, keys }
}
