// `keys list`: which keys the fleet trusts, for what, and which of them are in this home.
import { fromHex } from '../../src/trust/bytes.ts'
import type { KeyFile } from '../../src/trust/key-file.ts'
import { keyId } from '../../src/trust/keys.ts'
import type { PublisherApp } from '../app.ts'
import { type Ground, groundOf } from './ground.ts'

export interface KeyLine {
  /** TUF key id of signing keys; of the others the public key; hex */
  id: string
  public: string
  /** what the key file says it is for; null: the key is not in this home */
  role: string | null
  label: string | null
  created: string | null
  /** a passphrase protects it here; null: it is not here */
  protected: boolean | null
  /** what the fleet trusts it for now: root, targets, snapshot, timestamp, channels, m.<module>, t.<team> */
  signs: string[]
}

export interface RoleLine {
  role: string
  keys: string[]
  threshold: number
}

/** What `keys list` tells. */
export interface KeyList {
  /** fleet id, hex: what a signer on another machine compares */
  fleet: string
  keys: KeyLine[]
  roles: RoleLine[]
}

/** `keys list`. */
export async function listKeys(app: PublisherApp): Promise<KeyList> {
  const ground = await groundOf(app)
  const roles = rolesOf(ground)
  const files = await app.keys.list()
  const keys = files.map((file) => lineOf(file, roles))
  const here = new Set(keys.map(({ id }) => id))
  for (const [id, publicKey] of trustedKeys(ground)) {
    if (here.has(id)) continue
    const signs = roles.filter((role) => role.keys.includes(id)).map(({ role }) => role)
    keys.push({ id, public: publicKey, role: null, label: null, created: null, protected: null, signs })
  }
  return { fleet: app.fleet.id, keys, roles }
}

/** Every role of the fleet with its signers: those of root first, then what targets delegates. */
export function rolesOf({ set }: Pick<Ground, 'set'>): RoleLine[] {
  const root = Object.entries(set.root.signed.roles)
  const delegated = set.targets?.delegations?.roles ?? []
  return [
    ...root.map(([role, { keyIDs, threshold }]) => ({ role, keys: [...keyIDs], threshold })),
    ...delegated.map(({ name, keyIDs, threshold }) => ({ role: name, keys: [...keyIDs], threshold }))
  ]
}

function lineOf(file: KeyFile, roles: readonly RoleLine[]): KeyLine {
  const id = idOf(file)
  return {
    id,
    public: file.public,
    role: file.role,
    label: file.label ?? null,
    created: file.created,
    protected: file.sealed !== undefined,
    signs: roles.filter(({ keys }) => keys.includes(id)).map(({ role }) => role)
  }
}

export function idOf({ role, public: publicKey }: Pick<KeyFile, 'role' | 'public'>): string {
  const isTuf = ['root', 'targets', 'release', 'online'].includes(role)
  return isTuf ? keyId(fromHex(publicKey, 32) as Uint8Array) : publicKey
}

/** Key id → public key, of root and of every delegation. */
export function trustedKeys({ set }: Pick<Ground, 'set'>): Map<string, string> {
  const own = Object.entries(set.root.signed.keys)
  const delegated = set.targets?.delegations?.keys ?? new Map()
  return new Map([...own, ...delegated].map(([id, key]) => [id, String(key.keyVal.public)]))
}
