declare module '@hyperswarm/secret-stream' {
  import type { Duplex } from 'node:stream'

  export interface KeyPair {
    publicKey: Uint8Array
    secretKey: Uint8Array
  }
  export interface Options {
    pattern?: 'XX' | 'IK'
    keyPair?: KeyPair
    remotePublicKey?: Uint8Array
  }

  export default class NoiseSecretStream extends Duplex {
    constructor(isInitiator: boolean, rawStream: Duplex | null, options?: Options)
    static keyPair(seed?: Uint8Array): KeyPair
    readonly isInitiator: boolean
    readonly noiseStream: NoiseSecretStream
    readonly rawStream: Duplex & {
      remoteHost?: string
      remotePort?: number
      /** of a TCP socket */
      bytesRead?: number
      /** of a UDX stream */
      bytesReceived?: number
    }
    readonly handshakeHash: Uint8Array
    readonly publicKey: Uint8Array
    readonly remotePublicKey: Uint8Array
    readonly opened: Promise<boolean>
    readonly connected: boolean
    readonly rawBytesRead: number
    readonly rawBytesWritten: number
    userData: unknown
    setKeepAlive(ms: number): void
    setTimeout(ms: number): void
    sendKeepAlive(): void
  }
}
