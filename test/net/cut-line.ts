// A TCP line that is cut again and again: a proxy that closes everything after so many bytes towards the branch.
import net from 'node:net'

export interface CutLine {
  port: number
  /** bytes that were carried towards the branch, and how often the line was cut */
  carried: number
  cuts: number
  close(): Promise<void>
}

/** @param every bytes after which the line is cut; Infinity: never */
export async function cutLine(to: number, every: number): Promise<CutLine> {
  const sockets = new Set<net.Socket>()
  const keep = (socket: net.Socket) => {
    sockets.add(socket)
    socket.on('error', () => undefined)
    socket.once('close', () => sockets.delete(socket))
    return socket
  }
  let sinceCut = 0
  const server = net.createServer((near) => {
    keep(near)
    const far = keep(net.connect(to, '127.0.0.1'))
    near.pipe(far)
    near.once('close', () => far.destroy())
    far.once('close', () => near.destroy())
    far.on('data', (bytes) => {
      line.carried += bytes.byteLength
      sinceCut += bytes.byteLength
      if (sinceCut >= every) {
        sinceCut = 0
        line.cuts++
        for (const socket of sockets) socket.destroy()
      } else if (!near.write(bytes)) {
        far.pause()
        near.once('drain', () => far.resume())
      }
    })
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const line: CutLine = {
    port: (server.address() as net.AddressInfo).port,
    carried: 0,
    cuts: 0,
    close: () => {
      for (const socket of sockets) socket.destroy()
      return new Promise((resolve) => server.close(() => resolve()))
    }
  }
  return line
}
