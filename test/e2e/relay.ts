// A relay on loopback that may change what comes from the target.
import { connect, createServer, type Socket } from 'node:net'
import type { TestContext } from 'node:test'

export interface Relay {
  /** `host:port` */
  address: string
  /** bytes that came from the target */
  bytes: number
}

/** @param pass what goes on of a piece that came from the target, after so many bytes before it */
export async function relayTo(
  t: TestContext,
  target: string,
  pass: (chunk: Buffer, seen: number) => Promise<Buffer>
): Promise<Relay> {
  const [host, port] = target.split(':') as [string, string]
  const sockets = new Set<Socket>()
  const state: Relay = { bytes: 0, address: '' }
  const server = createServer((near) => {
    const far = connect(Number(port), host)
    for (const socket of [near, far]) {
      sockets.add(socket)
      socket.on('error', () => undefined)
      socket.on('close', () => {
        near.destroy()
        far.destroy()
      })
    }
    near.pipe(far)
    void (async () => {
      for await (const chunk of far as AsyncIterable<Buffer>) {
        near.write(await pass(chunk, state.bytes))
        state.bytes += chunk.length
      }
    })().catch(() => undefined)
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  t.after(() => {
    for (const socket of sockets) socket.destroy()
    server.close()
  })
  const at = server.address()
  state.address = `127.0.0.1:${typeof at === 'object' ? at?.port : 0}`
  return state
}
