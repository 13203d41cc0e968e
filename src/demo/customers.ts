// Customers of a till: one sale after another, asked again until it is acknowledged, as at a counter. Remembers what was
// acknowledged, so that the demo can show at its end that none of it is lost.
import { setTimeout as sleep } from 'node:timers/promises'

const PACE = 250 // milliseconds between two sales
const PATIENCE = 2_000 // milliseconds for one answer

export interface Customers {
  readonly acknowledged: ReadonlySet<string>
  /** tries that the till did not acknowledge at once: it was stopped, or its release was broken */
  readonly waited: number
  leave(): Promise<void>
}

export function sendCustomers(port: number, prefix: string): Customers {
  const acknowledged = new Set<string>()
  const leaving = new AbortController()
  let waited = 0
  const serveAll = async () => {
    for (let number = 1; !leaving.signal.aborted; number++) {
      const ticket = `${prefix}-${String(number).padStart(5, '0')}`
      while (!leaving.signal.aborted) {
        if (await buy(port, ticket)) {
          acknowledged.add(ticket)
          break
        }
        waited++
        await pause(leaving.signal)
      }
      await pause(leaving.signal)
    }
  }
  const done = serveAll()
  return {
    acknowledged,
    get waited() {
      return waited
    },
    async leave() {
      leaving.abort()
      await done
    }
  }
}

const pause = (signal: AbortSignal) => sleep(PACE, undefined, { signal }).catch(() => undefined)

async function buy(port: number, ticket: string): Promise<boolean> {
  const total = 1 + (Number.parseInt(ticket.slice(-5), 10) % 90) / 2
  try {
    const response = await fetch(`http://127.0.0.1:${port}/sale`, {
      method: 'POST',
      body: JSON.stringify({ ticket, total }),
      signal: AbortSignal.timeout(PATIENCE)
    })
    await response.arrayBuffer()
    return response.status === 201
  } catch {
    return false
  }
}

/** Every ticket in the till's database. */
export async function ticketsOf(port: number): Promise<Set<string>> {
  const response = await fetch(`http://127.0.0.1:${port}/sales`)
  return new Set(((await response.json()) as { tickets: string[] }).tickets)
}
