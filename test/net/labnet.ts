// A small network on one machine, in Linux network namespaces: hosts on one LAN with working multicast and no route out.
// Needs root; `labUnavailable()` says why a test has to be skipped.
import { type ChildProcess, execFileSync, spawn, spawnSync } from 'node:child_process'
import { randomInt } from 'node:crypto'

/** The reason why there can be no lab here, or false. */
export function labUnavailable(): string | false {
  if (process.platform !== 'linux') return 'network namespaces need Linux'
  if (process.getuid?.() !== 0) return 'network namespaces need root'
  const works = spawnSync('ip', ['netns', 'list']).status === 0
  return works ? false : 'the program ip (iproute2) is missing'
}

const ip = (...args: string[]) => execFileSync('ip', args, { stdio: ['ignore', 'pipe', 'pipe'] })

/** Number of the host behind the router, see `addFar`. */
export const FAR = 100
const ROUTER = 101

export class Lab {
  readonly #name = `cq${randomInt(36 ** 3).toString(36)}`
  readonly #net = randomInt(20, 220)
  #hosts = 0
  #hasFar = false
  #children = new Set<ChildProcess>()

  constructor(hosts: number) {
    ip('netns', 'add', this.#switch)
    ip('-n', this.#switch, 'link', 'add', 'br0', 'type', 'bridge', 'mcast_snooping', '0')
    ip('-n', this.#switch, 'link', 'set', 'br0', 'up')
    for (let n = 1; n <= hosts; n++) this.addHost()
  }

  get #switch(): string {
    return `${this.#name}-sw`
  }

  #host(n: number): string {
    return `${this.#name}-${n}`
  }

  /** Plugs in one more host and returns its number, from 1. */
  addHost(): number {
    const n = ++this.#hosts
    ip('netns', 'add', this.#host(n))
    ip(
      'link',
      'add',
      'e0',
      'netns',
      this.#host(n),
      'type',
      'veth',
      'peer',
      'name',
      `p${n}`,
      'netns',
      this.#switch
    )
    ip('-n', this.#switch, 'link', 'set', `p${n}`, 'master', 'br0', 'up')
    ip('-n', this.#host(n), 'addr', 'add', `${this.address(n)}/24`, 'dev', 'e0')
    ip('-n', this.#host(n), 'link', 'set', 'lo', 'up')
    ip('-n', this.#host(n), 'link', 'set', 'e0', 'up')
    ip('-n', this.#host(n), 'route', 'add', '224.0.0.0/4', 'dev', 'e0')
    return n
  }

  /**
   * A host that is not on the LAN but behind a router, with a slow line of `rate` both ways: the rest of the internet.
   * Its number for `run`, `traffic` and so on is FAR.
   */
  addFar(rate: string): void {
    const [router, far] = [this.#host(ROUTER), this.#host(FAR)]
    for (const name of [router, far]) ip('netns', 'add', name)
    ip('link', 'add', 'lan', 'netns', router, 'type', 'veth', 'peer', 'name', 'p0', 'netns', this.#switch)
    ip('-n', this.#switch, 'link', 'set', 'p0', 'master', 'br0', 'up')
    ip('link', 'add', 'wan', 'netns', router, 'type', 'veth', 'peer', 'name', 'e0', 'netns', far)
    ip('-n', router, 'addr', 'add', `10.77.${this.#net}.254/24`, 'dev', 'lan')
    ip('-n', router, 'addr', 'add', `10.78.${this.#net}.1/24`, 'dev', 'wan')
    ip('-n', far, 'addr', 'add', `${this.address(FAR)}/24`, 'dev', 'e0')
    for (const [name, device] of [
      [router, 'lan'],
      [router, 'wan'],
      [far, 'e0'],
      [far, 'lo']
    ] as const) {
      ip('-n', name, 'link', 'set', device, 'up')
    }
    execFileSync('ip', ['netns', 'exec', router, 'sysctl', '-q', '-w', 'net.ipv4.ip_forward=1'])
    ip('-n', far, 'route', 'add', 'default', 'via', `10.78.${this.#net}.1`)
    for (let n = 1; n <= this.#hosts; n++) {
      ip('-n', this.#host(n), 'route', 'add', 'default', 'via', `10.77.${this.#net}.254`)
    }
    this.#limit(far, 'e0', rate)
    this.#limit(router, 'wan', rate)
    this.#hasFar = true
  }

  /** Cuts the line to the far host, or mends it. */
  setFarLine(state: 'up' | 'down'): void {
    ip('-n', this.#host(ROUTER), 'link', 'set', 'wan', state)
  }

  address(n: number): string {
    if (n === FAR) return `10.78.${this.#net}.2`
    return `10.77.${this.#net}.${n}`
  }

  /** Starts a program on a host. */
  run(n: number, command: string, args: string[], options: { stderr?: 'pipe' } = {}): ChildProcess {
    const child = spawn('ip', ['netns', 'exec', this.#host(n), command, ...args], {
      stdio: ['pipe', 'pipe', options.stderr ?? 'inherit']
    })
    this.#children.add(child)
    child.once('exit', () => this.#children.delete(child))
    return child
  }

  /** Takes a host's IPv4 address away: what is left is IPv6 with link-local addresses. */
  withoutIPv4(n: number): void {
    ip('-n', this.#host(n), '-4', 'addr', 'flush', 'dev', 'e0')
  }

  /** Sets a kernel parameter of a host's network. */
  sysctl(n: number, name: string, value: number): void {
    ip('netns', 'exec', this.#host(n), 'sysctl', '-q', '-w', `${name}=${value}`)
  }

  cut(n: number): void {
    ip('-n', this.#switch, 'link', 'set', `p${n}`, 'down')
  }

  join(n: number): void {
    ip('-n', this.#switch, 'link', 'set', `p${n}`, 'up')
  }

  /** Limits what a host sends, e.g. `10mbit`. */
  limitSending(n: number, rate: string): void {
    this.#limit(this.#host(n), 'e0', rate)
  }

  /** Limits what a host receives. */
  limitReceiving(n: number, rate: string): void {
    this.#limit(this.#switch, `p${n}`, rate)
  }

  #limit(namespace: string, device: string, rate: string): void {
    const shape = ['root', 'tbf', 'rate', rate, 'burst', '32kbit', 'latency', '400ms']
    execFileSync('tc', ['-n', namespace, 'qdisc', 'replace', 'dev', device, ...shape])
  }

  /** Bytes that a host has sent and received on its interface, headers included. */
  traffic(n: number): { sent: number; received: number } {
    const [link] = JSON.parse(ip('-n', this.#host(n), '-s', '-j', 'link', 'show', 'e0').toString())
    return { sent: link.stats64.tx.bytes, received: link.stats64.rx.bytes }
  }

  async close(): Promise<void> {
    const ended = [...this.#children].map((child) => new Promise((resolve) => child.once('exit', resolve)))
    for (const child of this.#children) child.kill('SIGKILL')
    await Promise.all(ended)
    for (let n = 1; n <= this.#hosts; n++) ip('netns', 'del', this.#host(n))
    if (this.#hasFar) for (const n of [FAR, ROUTER]) ip('netns', 'del', this.#host(n))
    ip('netns', 'del', this.#switch)
  }
}
