// The internet: Hyperswarm on the fleet's topic. The key pair shown to the DHT is a new one at every start.
import type NoiseSecretStream from '@hyperswarm/secret-stream'
import DHT from 'hyperdht'
import Hyperswarm from 'hyperswarm'
import { formatHostPort, parseHostPort } from './address.ts'

/** ms between attempts; Hyperswarm's own last one is ten minutes */
const BACKOFFS: [number, number, number, number] = [1000, 5000, 15_000, 30_000]

export interface SwarmOptions {
  topic: Uint8Array
  /** host:port of DHT nodes; absent: the public ones */
  bootstrap?: string[] | undefined
  maxPeers: number
  onConnection(stream: NoiseSecretStream, address: string): void
}

export interface Swarm {
  /** resolves when the topic was announced and looked up once */
  ready: Promise<unknown>
  /** announces and looks up anew, for example when the network has changed */
  refresh(): Promise<void>
  /** dials a peer by the key that it showed the last time, now and again until `forget` */
  seek(publicKey: Uint8Array): void
  forget(publicKey: Uint8Array): void
  close(): Promise<void>
}

export function joinSwarm(options: SwarmOptions): Swarm {
  const swarm = new Hyperswarm({
    maxPeers: options.maxPeers,
    dht: createDht(options.bootstrap),
    backoffs: BACKOFFS
  })
  swarm.on('connection', (stream: NoiseSecretStream) => {
    stream.on('error', () => undefined) // ends in 'close'
    const { remoteHost: host = 'unknown', remotePort: port = 0 } = stream.rawStream
    options.onConnection(stream, formatHostPort({ host, port }))
  })
  const discovery = swarm.join(options.topic, { server: true, client: true })
  return {
    ready: discovery.flushed().catch(() => undefined),
    refresh: () => discovery.refresh().catch(() => undefined),
    seek: (publicKey) => swarm.joinPeer(publicKey),
    forget: (publicKey) => swarm.leavePeer(publicKey),
    close: () => swarm.destroy()
  }
}

/** A DHT that lives on loopback alone (demos, tests) must bind there: nodes bound to all addresses do not meet on it. */
function createDht(bootstrap: string[] | undefined): DHT {
  if (bootstrap === undefined) return new DHT()
  const isLoopback =
    bootstrap.length > 0 && bootstrap.every((node) => parseHostPort(node).host.startsWith('127.'))
  return new DHT({ bootstrap, ...(isLoopback ? { host: '127.0.0.1' } : {}) })
}
