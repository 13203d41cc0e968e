// Who this node is and what it needs to reach its fleet: node key, membership, the fleet's secrets. Written at join and when
// a new invite renews it, owner-only; read at every start. No network, no trust decisions.
import { join } from 'node:path'
import { z } from 'zod'
import { ChasquiError } from '../src/errors.ts'
import { ensureDirectory, readFileLimited, writeFileDurably } from '../src/system/durable.ts'
import type { HomePaths } from '../src/system/home.ts'
import { realFileSystem } from '../src/system/real-file-system.ts'
import { toHex } from '../src/trust/bytes.ts'
import { decodeKeyFile, encodeKeyFile, openKeyFile } from '../src/trust/key-file.ts'
import { keyPairOf, type SigningKeyPair } from '../src/trust/keys.ts'
import { LIMITS } from '../src/trust/limits.ts'

const hex32 = z
  .string()
  .regex(/^[0-9a-f]{64}$/)
  .transform((text): Uint8Array => new Uint8Array(Buffer.from(text, 'hex')))

const accessFile = z.strictObject({
  schema: z.literal(1),
  fleetId: hex32,
  fleetSecret: hex32,
  /** the feed of the newest generation that this node has the key of */
  feedKey: hex32,
  feedEncryptionKey: hex32,
  generation: z.int().min(1),
  /** feeds that the fleet has left and whose blocks are still here */
  formerFeeds: z.array(hex32).optional(),
  /** signed the invite; root names the current one */
  enrolmentKey: hex32,
  /** version of root that was here when the invite was taken; absent: none */
  rootAtJoin: z.int().min(1).optional(),
  peers: z.array(z.string()),
  bootstrap: z.array(z.string())
})

/** What an invite gave: where the fleet is and the secrets that open it. */
export type FleetAccess = Omit<z.output<typeof accessFile>, 'schema'>

export interface NodeIdentity {
  /** node public key, hex */
  node: string
  keyPair: SigningKeyPair
  /** as it is shown to other members */
  membership: Uint8Array
  access: FleetAccess
}

const ACCESS_LIMIT = 64 * 1024 // bytes
const RENEWAL_LIMIT = 2 * ACCESS_LIMIT // bytes

function identityPaths(paths: HomePaths) {
  return {
    key: join(paths.keys, 'node.json'),
    membership: join(paths.keys, 'membership.bin'),
    access: join(paths.keys, 'fleet.json'),
    renewal: join(paths.keys, 'renewal.json')
  }
}

/** Writes the three files; what an earlier, unfinished join left is replaced. `created`: RFC 3339. */
export async function saveIdentity(
  paths: HomePaths,
  seed: Uint8Array,
  identity: NodeIdentity,
  created: string
): Promise<void> {
  await ensureDirectory(realFileSystem, paths.keys, 0o700)
  const files = identityPaths(paths)
  const key = { role: 'node', public: identity.node, seed } as const
  await writeFileDurably(realFileSystem, files.key, encodeKeyFile(key, created, null), 0o600)
  await writeFileDurably(realFileSystem, files.membership, identity.membership, 0o600)
  await saveAccess(paths, identity.access)
}

const renewalFile = z.strictObject({
  schema: z.literal(1),
  created: z.string(),
  seed: hex32,
  membership: z.string().regex(/^[0-9a-f]+$/),
  access: accessFile
})

/**
 * Another node key, membership and way to the fleet for a home that has them already: all or nothing, whatever cuts it.
 * `created`: RFC 3339.
 */
export async function renewIdentity(
  paths: HomePaths,
  seed: Uint8Array,
  { membership, access }: Pick<NodeIdentity, 'membership' | 'access'>,
  created: string
): Promise<void> {
  await ensureDirectory(realFileSystem, paths.keys, 0o700)
  const renewal = { schema: 1, created, seed: toHex(seed), membership: toHex(membership) }
  const text = JSON.stringify({ ...renewal, access: plainAccess(access) })
  await writeFileDurably(realFileSystem, identityPaths(paths).renewal, Buffer.from(text), 0o600)
  await finishRenewal(paths)
}

/** Ends a renewal that was written down and may have been cut. Throws HOME_DAMAGED. */
async function finishRenewal(paths: HomePaths): Promise<void> {
  const { renewal } = identityPaths(paths)
  const bytes = await readFileLimited(realFileSystem, renewal, RENEWAL_LIMIT)
  if (bytes === null) return
  const { seed, created, membership, access } = parseFile(renewalFile, bytes, renewal)
  const keyPair = keyPairOf(seed)
  const { schema: _, ...way } = access
  const identity = {
    node: toHex(keyPair.publicKey),
    keyPair,
    membership: new Uint8Array(Buffer.from(membership, 'hex')),
    access: way
  }
  await saveIdentity(paths, seed, identity, created)
  await realFileSystem.remove(renewal)
  await realFileSystem.syncDirectory(paths.keys)
}

/** Writes the membership anew, when the publisher has countersigned it. */
export async function writeMembership(paths: HomePaths, membership: Uint8Array): Promise<void> {
  await writeFileDurably(realFileSystem, identityPaths(paths).membership, membership, 0o600)
}

/** The way to the fleet; one file, so that key and feed never disagree. */
export async function saveAccess(paths: HomePaths, access: FleetAccess): Promise<void> {
  const text = `${JSON.stringify(plainAccess(access), null, 2)}\n`
  await writeFileDurably(realFileSystem, identityPaths(paths).access, Buffer.from(text), 0o600)
}

/** As the file has it: bytes in hex. */
function plainAccess(access: FleetAccess): Record<string, unknown> {
  const plain = (value: unknown): unknown =>
    value instanceof Uint8Array ? toHex(value) : Array.isArray(value) ? value.map(plain) : value
  return Object.fromEntries(
    Object.entries({ schema: 1, ...access }).map(([name, value]) => [name, plain(value)])
  )
}

/** Throws HOME_DAMAGED. */
export async function loadIdentity(paths: HomePaths): Promise<NodeIdentity> {
  await finishRenewal(paths)
  const files = identityPaths(paths)
  const key = openKeyFile(decodeKeyFile(await readRequired(files.key, LIMITS.keyFileBytes)), null)
  const membership = await readRequired(files.membership, 2 * LIMITS.membershipBytes + LIMITS.grantBytes)
  const { schema: _, ...access } = parseFile(
    accessFile,
    await readRequired(files.access, ACCESS_LIMIT),
    files.access
  )
  return { node: key.public, keyPair: keyPairOf(key.seed), membership, access }
}

function parseFile<T>(schema: z.ZodType<T>, bytes: Uint8Array, path: string): T {
  try {
    return schema.parse(JSON.parse(Buffer.from(bytes).toString('utf8')))
  } catch (cause) {
    throw damaged(path, cause)
  }
}

async function readRequired(path: string, limit: number): Promise<Uint8Array> {
  const bytes = await readFileLimited(realFileSystem, path, limit)
  if (bytes === null) throw damaged(path)
  return bytes
}

function damaged(path: string, cause?: unknown): ChasquiError {
  return new ChasquiError('HOME_DAMAGED', `${path} is missing or cannot be read`, {
    cause,
    hint: 'restore it from a backup of the home, or run "node join" in it with a new invite'
  })
}
