// Notices that the network has changed or that the machine has slept. Interfaces come and go without an event, so this looks
// at them; a look that comes late means sleep.
import type { NetworkInterfaceInfo } from 'node:os'

export type NetworkInterfaces = NodeJS.Dict<NetworkInterfaceInfo[]>

export const WATCH = {
  /** ms between looks at the interfaces */
  look: 2000,
  /** ms by which a look may come late before we say that the machine has slept */
  slept: 20_000
}

export interface NetworkWatchOptions {
  interfaces(): NetworkInterfaces
  /** ms since epoch */
  now(): number
  /** an address came or went, or the machine woke up */
  onChange(): void
  /** after every look, changed or not */
  onLook?(): void
}

/** Looks until it is stopped; returns the way to stop. */
export function watchNetwork(options: NetworkWatchOptions): () => void {
  let lastLook = options.now()
  let lastSeen = addressesOf(options.interfaces())
  const look = () => {
    const now = options.now()
    const hasSlept = now - lastLook > WATCH.look + WATCH.slept
    const seen = addressesOf(options.interfaces())
    const hasChanged = seen !== lastSeen
    lastLook = now
    lastSeen = seen
    if (hasSlept || hasChanged) options.onChange()
    options.onLook?.()
  }
  const timer = setInterval(look, WATCH.look)
  return () => clearInterval(timer)
}

function addressesOf(interfaces: NetworkInterfaces): string {
  const all = Object.entries(interfaces).flatMap(([name, addresses]) =>
    (addresses ?? []).map((one) => `${name} ${one.cidr ?? one.address} ${one.mac}`)
  )
  return all.sort().join('\n')
}
