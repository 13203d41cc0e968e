// A tag over bytes in their order, for comparing what a medium gives back with what it was given. GMAC: AES-256-GCM over
// associated data alone (NIST SP 800-38D), several GB a second where the processor has instructions for it.
import { type CipherGCM, createCipheriv, randomBytes } from 'node:crypto'

/** Two tags to compare, under a key that nobody has and that ends with them. */
export function tagPair(): [ByteTag, ByteTag] {
  const key = randomBytes(32)
  // one nonce for both: neither tag is ever shown to anybody
  const start = () => new ByteTag(createCipheriv('aes-256-gcm', key, Buffer.alloc(12)))
  return [start(), start()]
}

export class ByteTag {
  readonly #cipher: CipherGCM

  constructor(cipher: CipherGCM) {
    this.#cipher = cipher
  }

  /** The bytes that follow. */
  add(bytes: Uint8Array): void {
    this.#cipher.setAAD(bytes)
  }

  /** Are the bytes of both the same? Ends both. */
  equals(other: ByteTag): boolean {
    return this.#end().equals(other.#end())
  }

  #end(): Buffer {
    this.#cipher.final()
    return this.#cipher.getAuthTag()
  }
}
