// A TCP line of a certain rate that dies again and again: a relay that paces what goes towards the branch and closes all
// its connections every so often.
import net from 'node:net'

export interface CutLine {
  port: number
  /** bytes that were carried towards the branch, and how often the line was cut */
  carried: number
  cuts: number
  close(): Promise<void>
}

export interface LineOptions {
  /** port on loopback that the line leads to */
  to: number
  /** bytes a second towards the branch */
  rate?: number
  /** ms between cuts */
  life?: number
}

/** Without a rate as fast as it goes, without a life for ever. */
export async function cutLine({ to, rate = Number.POSITIVE_INFINITY, life }: LineOptions): Promise<CutLine> {
  const sockets = new Set<net.Socket>()
  const keep = (socket: net.Socket) => {
    sockets.add(socket)
    socket.on('error', () => undefined)
    socket.once('close', () => sockets.delete(socket))
    return socket
  }
  const server = net.createServer((near) => {
    keep(near)
    const far = keep(net.connect(to, '127.0.0.1'))
    near.pipe(far)
    near.once('close', () => far.destroy())
    far.once('close', () => near.destroy())
    void carry(far, near, rate, (bytes) => {
      line.carried += bytes
    })
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const cut = () => {
    if (sockets.size > 0) line.cuts++
    for (const socket of sockets) socket.destroy()
  }
  const timer = life === undefined ? null : setInterval(cut, life)
  const line: CutLine = {
    port: (server.address() as net.AddressInfo).port,
    carried: 0,
    cuts: 0,
    close: () => {
      if (timer !== null) clearInterval(timer)
      for (const socket of sockets) socket.destroy()
      return new Promise((resolve) => server.close(() => resolve()))
    }
  }
  return line
}

const PIECE = 8192 // bytes

/** Passes on a little at a time, so that a cut finds nothing waiting in the relay. */
async function carry(
  from: net.Socket,
  to: net.Socket,
  rate: number,
  count: (bytes: number) => void
): Promise<void> {
  let due = performance.now()
  try {
    for await (const chunk of from) {
      for (let at = 0; at < chunk.byteLength; at += PIECE) {
        const piece = chunk.subarray(at, at + PIECE)
        const wait = due - performance.now()
        if (wait > 0) await new Promise((resolve) => setTimeout(resolve, wait))
        if (to.destroyed) return
        count(piece.byteLength)
        if (!to.write(piece)) await new Promise((resolve) => to.once('drain', resolve).once('close', resolve))
        due = Math.max(due, performance.now() - 50) + (piece.byteLength * 1000) / rate
      }
    }
  } catch {
    // the far side was cut
  }
}
