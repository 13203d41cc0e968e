declare module 'hypercore/lib/verifier.js' {
  export interface RawManifest {
    version: number
    signers: readonly { signature?: string; namespace?: Uint8Array; publicKey: Uint8Array }[]
  }

  export default class Verifier {
    constructor(manifestHash: Uint8Array, manifest: RawManifest)
    verify(
      tree: { signable(namespace: Uint8Array): Uint8Array; hash(): Uint8Array; length: number; fork: number },
      signature: Uint8Array
    ): boolean
    static encodeManifest(manifest: RawManifest): Uint8Array
    static decodeManifest(bytes: Uint8Array): RawManifest
    static defaultSignerManifest(publicKey: Uint8Array): RawManifest
    static isValidManifest(key: Uint8Array, manifest: RawManifest): boolean
  }
}

declare module 'hypercore/lib/merkle-tree.js' {
  interface Tree {
    roots: readonly { index: number; size: number; hash: Uint8Array }[]
    length: number
    fork: number
  }
  export const MerkleTree: {
    hash(tree: Tree): Uint8Array
    signable(tree: Tree, namespace: Uint8Array): Uint8Array
  }
}

declare module 'hypercore/lib/caps.js' {
  export const DEFAULT_NAMESPACE: Uint8Array
  export function treeSignable(
    namespace: Uint8Array,
    treeHash: Uint8Array,
    length: number,
    fork: number
  ): Uint8Array
}
