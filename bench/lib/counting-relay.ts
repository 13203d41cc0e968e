// A relay on loopback that counts the bytes that pass through it, both ways.
import { connect, createServer, type Server, type Socket } from 'node:net'

export interface CountingRelay {
  /** `host:port` */
  address: string
  bytes(): number
  close(): void
}

/** Counts what passes between whoever connects to it and `target` (`host:port`). */
export async function countingRelay(target: string): Promise<CountingRelay> {
  const [host, port] = target.split(':')
  let bytes = 0
  const sockets = new Set<Socket>()
  const keep = (socket: Socket) => {
    sockets.add(socket)
    socket.on('error', () => socket.destroy())
    socket.on('data', (chunk: Buffer) => {
      bytes += chunk.length
    })
    return socket
  }
  const server: Server = createServer((near) => {
    const far = keep(connect(Number(port), host))
    keep(near).pipe(far).pipe(near)
    near.on('close', () => far.destroy())
    far.on('close', () => near.destroy())
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const address = server.address() as { port: number }
  return {
    address: `127.0.0.1:${address.port}`,
    bytes: () => bytes,
    close() {
      for (const socket of sockets) socket.destroy()
      server.close()
    }
  }
}
