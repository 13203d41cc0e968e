// Swarms of real processes: a publisher and branches, each a `swarm-member.ts`, on this machine or on hosts of a lab.
import type { ChildProcess } from 'node:child_process'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import type { SwarmMember } from './swarm-member.ts'

export interface SwarmEvent {
  event: 'ready' | 'peer' | 'gone' | 'fetching' | 'done' | 'record'
  name?: string
  class?: string
  port?: number
  bytes?: number
  ms?: number
  /** ms since epoch */
  at?: number
  sources?: Record<string, number>
  /** bytes of a connection that is gone */
  in?: number
  out?: number
}

export class SwarmProcess {
  readonly events: SwarmEvent[] = []
  readonly #child: ChildProcess
  readonly #waiting: {
    event: string
    resolve: (event: SwarmEvent) => void
    reject: (error: Error) => void
  }[] = []

  /** @param run starts a program with arguments, somewhere */
  constructor(run: (command: string, args: string[]) => ChildProcess, member: SwarmMember) {
    this.#child = run(process.execPath, [
      join(import.meta.dirname, 'swarm-member.ts'),
      JSON.stringify(member)
    ])
    createInterface(this.#child.stdout as NodeJS.ReadableStream).on('line', (line) =>
      this.#onEvent(JSON.parse(line))
    )
    this.#child.once('exit', (code) => {
      for (const { reject } of this.#waiting) reject(new Error(`${member.name} ended with ${code}`))
    })
  }

  /** The first event of this kind, now or later. */
  until(event: SwarmEvent['event']): Promise<SwarmEvent> {
    const seen = this.events.find((one) => one.event === event)
    if (seen !== undefined) return Promise.resolve(seen)
    return new Promise((resolve, reject) => this.#waiting.push({ event, resolve, reject }))
  }

  get pid(): number {
    return this.#child.pid as number
  }

  /** Makes it write a record of its own. */
  report(): void {
    this.#child.stdin?.write('report\n')
  }

  /** As a power cut does it. */
  async kill(): Promise<void> {
    const ended = new Promise((resolve) => this.#child.once('exit', resolve))
    this.#child.kill('SIGKILL')
    await ended
  }

  /** Lets it clean up and end. */
  async stop(): Promise<void> {
    if (this.#child.exitCode !== null || this.#child.signalCode !== null) return
    const ended = new Promise((resolve) => this.#child.once('exit', resolve))
    this.#child.stdin?.end()
    await ended
  }

  #onEvent(event: SwarmEvent): void {
    this.events.push(event)
    for (const waiting of this.#waiting) if (waiting.event === event.event) waiting.resolve(event)
  }
}
