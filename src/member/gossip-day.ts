// The bytes that gossip has cost today, kept in the state: a restart does not begin the day anew.
import { GossipBudget, type GossipLimits, type GossipSpent } from '../net/gossip-budget.ts'
import type { StateStore } from '../system/state.ts'

const KEY = 'gossip-day'
const SAVE = 60_000 // ms between saves

export interface GossipDay {
  budget: GossipBudget
  close(): Promise<void>
}

/** The budget of today, goes on from what was saved; `limits` in bytes a day. */
export async function openGossipDay(
  state: StateStore,
  limits: Partial<GossipLimits> = {}
): Promise<GossipDay> {
  const saved = (await state.get(KEY)) as GossipSpent | undefined
  const budget = new GossipBudget(limits, saved)
  // what could not be saved is saved the next time
  const save = () => state.put({ [KEY]: budget.toJSON() }).catch(() => undefined)
  const timer = setInterval(save, SAVE).unref()
  return {
    budget,
    async close() {
      clearInterval(timer)
      await save()
    }
  }
}
