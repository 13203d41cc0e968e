// Rounds of a simulated fleet until everybody knows everything, by who can meet whom.
import { type Meeting, SimulatedFleet, seeded } from './fleet.ts'

export interface Round {
  round: number
  /** share of all (node, author) pairs that are known, 0 to 1 */
  known: number
  /** per meeting of this round */
  bytes: number
  comparing: number
  moved: number
}

export interface Scenario {
  name: string
  branches: number
  /** pairs that meet in a round */
  meetings(round: number, random: () => number): Iterable<[number, number]>
}

/** Every branch meets one other at random in each round: what theory is made for. */
export function everybodyMeets(branches: number): Scenario {
  return {
    name: 'random meetings',
    branches,
    *meetings(_round, random) {
      for (let node = 0; node < branches; node++) yield [node, other(node, branches, random)]
    }
  }
}

/**
 * A fleet as it is: seven in ten meet somebody over the internet in a round; two in ten are on a LAN of five of which one
 * is online; one in ten has no network at all and is visited, two hundred in a round, by technicians with sticks. A stick
 * is met like a node; each is at home with one online branch.
 */
export function mixedFleet(branches: number): Scenario {
  const online = Math.floor(branches * 0.7)
  const onLan = Math.floor(branches * 0.9)
  const visits = Math.max(1, Math.floor(branches / 50))
  return {
    name: 'internet, LANs and sticks',
    branches,
    *meetings(round, random) {
      for (let node = 0; node < online; node++) yield [node, other(node, online, random)]
      for (let node = online; node < onLan; node++) yield [node, Math.floor((node - online) / 4) % online]
      const alone = branches - onLan
      for (let visit = 0; visit < visits && alone > 0; visit++) {
        const node = onLan + ((round * visits + visit) % alone)
        yield [node, Math.floor(visit / 20) % online] // what the technician's own branch knows, and back
      }
    }
  }
}

function other(node: number, count: number, random: () => number): number {
  const at = Math.floor(random() * (count - 1))
  return at >= node ? at + 1 : at
}

/** Runs until everybody knows everything; every node starts with its own record alone. */
export function* spread(scenario: Scenario, seed: number): Generator<Round> {
  const random = seeded(seed)
  const fleet = new SimulatedFleet(scenario.branches, random)
  const { branches } = scenario
  for (let node = 0; node < branches; node++) fleet.write(node, 1)
  for (let round = 1; round <= 1000; round++) {
    const total: Meeting = { bytes: 0, comparing: 0, moved: 0 }
    let count = 0
    for (const [one, two] of scenario.meetings(round, random)) {
      const { bytes, comparing, moved } = fleet.meet(one, two)
      total.bytes += bytes
      total.comparing += comparing
      total.moved += moved
      count++
    }
    let known = 0
    for (let node = 0; node < branches; node++) known += fleet.count(node)
    const share = known / branches ** 2
    const per = (value: number) => Math.round(value / count)
    yield {
      round,
      known: share,
      bytes: per(total.bytes),
      comparing: per(total.comparing),
      moved: per(total.moved)
    }
    if (known === branches ** 2) return
  }
}
