// host:port addresses, and what kind of link an address stands for.
import { isIP, isIPv6 } from 'node:net'
import type { NetworkInterfaceInfo } from 'node:os'
import { ChasquiError } from '../errors.ts'

export interface HostPort {
  host: string
  port: number
}

/** Reads `host:port`, `1.2.3.4:port` or `[v6%zone]:port`. @throws ChasquiError PEER_ADDRESS_INVALID */
export function parseHostPort(text: string, minPort = 1): HostPort {
  const match = /^(?:\[([0-9a-f:.]+(?:%[\w.-]+)?)\]|([\w.-]+)):(\d{1,5})$/i.exec(text.trim())
  const host = match?.[1] ?? match?.[2]
  const port = Number(match?.[3])
  const isSound = host !== undefined && port >= minPort && port <= 65_535
  if (!isSound || (match?.[1] !== undefined && !isIPv6(host))) {
    throw new ChasquiError('PEER_ADDRESS_INVALID', `${JSON.stringify(text)} is not host:port`, {
      hint: 'write it like 10.8.0.12:49800, shop.example:49800 or [fe80::1%eth0]:49800'
    })
  }
  return { host, port }
}

export function formatHostPort({ host, port }: HostPort): string {
  return host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`
}

/**
 * Whether an address is on a network that this machine is itself part of (then it is the LAN: no uplink is used), or on one
 * of the networks that count as such. Tunnels, which have no hardware address, and what a carrier's NAT spans do not: what
 * is behind them is far.
 * @param interfaces `os.networkInterfaces()`
 * @param networks CIDR, as other networks of the same site
 */
export function isOnLan(
  host: string,
  interfaces: NodeJS.Dict<NetworkInterfaceInfo[]>,
  networks: readonly string[] = []
): boolean {
  const plain = unmapped(host)
  if (isIP(plain) === 0) return false
  if (networks.some((network) => isInside(plain, network))) return true
  if (plain.toLowerCase().startsWith('fe80:')) return true
  // behind a carrier's NAT (RFC 6598) whole towns share one such network
  if (isInside(plain, '100.64.0.0/10')) return false
  const own = Object.values(interfaces).flatMap((list) => list ?? [])
  return own.some((one) => one.cidr !== null && !isTunnel(one) && isInside(plain, one.cidr))
}

function isTunnel({ internal, mac }: NetworkInterfaceInfo): boolean {
  return !internal && mac === '00:00:00:00:00:00'
}

/** `::ffff:10.0.0.1` → `10.0.0.1`; a zone is dropped. */
export function unmapped(host: string): string {
  const bare = host.split('%')[0] ?? host
  return bare.toLowerCase().startsWith('::ffff:') && bare.includes('.') ? bare.slice(7) : bare
}

function isInside(host: string, cidr: string): boolean {
  const [network = '', length = ''] = cidr.split('/')
  const a = addressBits(host)
  const b = addressBits(network)
  return a.length === b.length && a.slice(0, Number(length)) === b.slice(0, Number(length))
}

function addressBits(host: string): string {
  if (!isIPv6(host))
    return host
      .split('.')
      .map((part) => bits(Number(part), 8))
      .join('')
  const [head = '', tail] = host.split('::')
  const left = head === '' ? [] : head.split(':')
  const right = tail === undefined || tail === '' ? [] : tail.split(':')
  const middle = tail === undefined ? [] : new Array<string>(8 - left.length - right.length).fill('0')
  return [...left, ...middle, ...right].map((part) => bits(Number.parseInt(part, 16), 16)).join('')
}

const bits = (value: number, width: number) => value.toString(2).padStart(width, '0')
