// TCP with Noise IK. The responder's key comes from the fleet secret, so only members can complete a handshake, and
// the initiator's key is thrown away after use: who is who is said inside (admission.ts).
import dns from 'node:dns'
import type { Socket } from 'node:net'
import net from 'node:net'
import NoiseSecretStream, { type KeyPair } from '@hyperswarm/secret-stream'
import { ChasquiError } from '../errors.ts'
import { formatHostPort, type HostPort, parseHostPort, unmapped } from './address.ts'

const KEEP_ALIVE = 5000 // ms between signs of life
const SILENCE = 20_000 // ms without any after which a connection is dead
const CONNECT = 8000 // ms for a TCP connection to come up

export interface TcpConnection {
  stream: NoiseSecretStream
  remote: HostPort
}

export interface TcpListener {
  address: HostPort
  close(): Promise<void>
}

/**
 * Listens for members. `maxPending` bounds the connections that are open at all (a stranger holds one until the
 * admission's time limit).
 * @throws ChasquiError ADDRESS_IN_USE
 */
export function listenTcp(
  at: string,
  responder: KeyPair,
  maxConnections: number,
  onConnection: (connection: TcpConnection) => void
): Promise<TcpListener> {
  const { host, port } = parseHostPort(at, 0)
  const sockets = new Set<Socket>()
  const server = net.createServer({ noDelay: true }, (socket) => {
    sockets.add(socket)
    socket.once('close', () => sockets.delete(socket))
    onConnection({ stream: wrap(false, socket, { keyPair: responder }), remote: remoteOf(socket) })
  })
  server.maxConnections = maxConnections
  return new Promise((resolve, reject) => {
    server.once('error', (error) => reject(listenError(error, at)))
    server.listen({ host, port }, () => {
      const bound = server.address() as net.AddressInfo
      resolve({
        address: { host: bound.address, port: bound.port },
        close: () => closeServer(server, sockets)
      })
    })
  })
}

export interface DialOptions {
  to: HostPort
  responderKey: Uint8Array
  /** asked for every address that the host's name stands for; an address in `to` itself is the caller's to judge */
  mayDial(address: string): boolean
  /** called when the connection is up, with where it really goes; the handshake is still to come */
  onConnect(remote: HostPort): void
}

/** Opens a connection to a member. The stream may fail at any time, also before `onConnect`. */
export function dialTcp({ to, responderKey, mayDial, onConnect }: DialOptions): NoiseSecretStream {
  const lookup = lookupOnly(mayDial)
  const socket = net.connect({ host: to.host, port: to.port, noDelay: true, timeout: CONNECT, lookup })
  socket.once('timeout', () => socket.destroy())
  socket.once('connect', () => {
    socket.setTimeout(0)
    onConnect(remoteOf(socket))
  })
  return wrap(true, socket, { keyPair: NoiseSecretStream.keyPair(), remotePublicKey: responderKey })
}

/** `dns.lookup` with only those addresses of a name that may be dialled. */
function lookupOnly(mayDial: (address: string) => boolean): net.LookupFunction {
  return (host, options, done) => {
    dns.lookup(host, { ...options, all: true }, (error, found) => {
      const usable = (found ?? []).filter(({ address }) => mayDial(address))
      const [first] = usable
      if (error !== null || first === undefined) done(error ?? new Error(`${host} is not on the LAN`), [])
      else if (options.all === true) done(null, usable)
      else done(null, first.address, first.family)
    })
  }
}

/** Signs of life on a stream of any transport, and its end when the other side gives none. */
export function keepAlive(stream: NoiseSecretStream): void {
  stream.setKeepAlive(KEEP_ALIVE)
  stream.setTimeout(SILENCE)
}

function wrap(
  isInitiator: boolean,
  socket: Socket,
  keys: { keyPair: KeyPair; remotePublicKey?: Uint8Array }
): NoiseSecretStream {
  const stream = new NoiseSecretStream(isInitiator, socket, { pattern: 'IK', ...keys })
  stream.on('error', () => undefined) // a broken handshake or socket ends in 'close'
  return stream
}

function remoteOf(socket: Socket): HostPort {
  return { host: unmapped(socket.remoteAddress ?? '0.0.0.0'), port: socket.remotePort ?? 0 }
}

function closeServer(server: net.Server, sockets: Set<Socket>): Promise<void> {
  for (const socket of sockets) socket.destroy()
  return new Promise((resolve) => server.close(() => resolve()))
}

function listenError(error: NodeJS.ErrnoException, at: string): Error {
  if (error.code === 'EACCES') {
    return new ChasquiError('NO_PERMISSION', `this user may not listen on ${at}`, {
      hint: 'choose a port above 1023 with --listen',
      cause: error
    })
  }
  if (error.code === 'EADDRNOTAVAIL' || error.code === 'ENOTFOUND') {
    return new ChasquiError('ADDRESS_NOT_HERE', `this machine has no address ${at}`, {
      hint: 'give one of its own with --listen, or 0.0.0.0 for all of them',
      cause: error
    })
  }
  if (error.code !== 'EADDRINUSE') return error
  return new ChasquiError('ADDRESS_IN_USE', `another program listens on ${at}`, {
    hint: `choose another port with --listen, for example ${formatHostPort({ ...parseHostPort(at, 0), port: 0 })}`,
    cause: error
  })
}
