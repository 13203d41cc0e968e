// A DHT of a few nodes in this process, on loopback only: the "internet" of the demo and of tests.
import createTestnet from 'hyperdht/testnet.js'

export interface LocalDht {
  /** host:port for --bootstrap */
  bootstrap: string[]
  close(): Promise<void>
}

export async function startLocalDht(nodes = 3): Promise<LocalDht> {
  const testnet = await createTestnet(nodes, { host: '127.0.0.1' })
  return {
    bootstrap: testnet.bootstrap.map(({ host, port }) => `${host}:${port}`),
    close: () => testnet.destroy()
  }
}
