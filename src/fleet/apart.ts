// What of an app goes into one transaction. All of it, until it failed together: then each suspect is tried apart, so that
// the one that does not work is found and the others get through. Pure.
import type { PlanApp, PlanInput, Step } from './plan-input.ts'
import { unmet } from './requires.ts'

/** The transactions of one app, in the order in which they are tried; `ready` is in order of need. */
export function inTransactions(ready: readonly Step[], app: PlanApp, input: PlanInput): Step[][] {
  const suspects = ready.filter(({ module, track, to }) =>
    input.triedTogether(app.name, { module, track, version: to })
  )
  if (suspects.length === 0) return ready.length === 0 ? [] : [[...ready]]
  const critical = ready.filter((step) => step.severity === 'critical')
  const taken: Step[] = []
  const groups: Step[][] = []
  const take = (group: Step[]) => {
    if (group.length > 0) groups.push(group)
    taken.push(...group)
  }
  for (const step of [...critical, ...suspects]) {
    if (!taken.includes(step)) take(withNeeds(step, taken, ready, app, input))
  }
  take(ready.filter((step) => !taken.includes(step)))
  return groups
}

/** A step and what it cannot go without, when those that were `taken` are there before it. */
function withNeeds(
  step: Step,
  taken: readonly Step[],
  ready: readonly Step[],
  app: PlanApp,
  input: PlanInput
): Step[] {
  const group = new Set([step])
  for (const one of group) {
    for (;;) {
      const missing = unmet(one, [...taken, ...group], app, input)
      const needed = ready.find(({ module }) => module === missing?.module)
      if (needed === undefined || group.has(needed) || taken.includes(needed)) break
      group.add(needed)
    }
  }
  return ready.filter((one) => group.has(one))
}
