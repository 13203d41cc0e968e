// Requirements between modules: which steps of a transaction can go together, and in what order. Pure.
import { satisfies } from '../release/range.ts'
import { detectOrder } from '../release/version.ts'
import type { PlanApp, PlanInput, Step } from './plan-input.ts'

/**
 * Blocks (in place) the steps whose requirements would not hold afterwards, until nothing changes; a step that only
 * waits for a person (PLAN_MANUAL) is taken along when one that runs needs it.
 */
export function settleRequirements(steps: Step[], app: PlanApp, input: PlanInput): void {
  for (let changed = true; changed; ) {
    changed = false
    for (const step of steps) {
      if (step.blocked !== null) continue
      const missing = unmet(step, steps, app, input)
      if (missing === null) continue
      const helper = steps.find((one) => one.module === missing.module && one.blocked?.code === 'PLAN_MANUAL')
      if (helper !== undefined && fits(helper.to, missing.range)) {
        helper.blocked = null
      } else {
        step.blocked = { code: 'PLAN_REQUIRES', reason: missing.reason }
      }
      changed = true
    }
  }
}

interface Unmet {
  module: string
  range: string
  reason: string
}

/** The first requirement that would not hold after the steps that are not blocked. */
export function unmet(step: Step, steps: readonly Step[], app: PlanApp, input: PlanInput): Unmet | null {
  const what = `${step.module}@${step.to}`
  for (const [module, range] of Object.entries(step.release?.requires ?? {})) {
    const version = versionAfter(module, steps, app, input)
    if (version === null && app.provides(module)) continue
    if (version !== null && fits(version, range)) continue
    const found = version === null ? 'it is not installed' : `${version} is here`
    return { module, range, reason: `${what} needs ${module} ${range}, and ${found}` }
  }
  for (const [module, here] of app.installed) {
    if (module === step.module || steps.some((one) => one.module === module && one.blocked === null)) continue
    const release = input.releases(module, here.track).find((one) => one.version === here.version)
    const range = release?.requires?.[step.module]
    if (range === undefined || fits(step.to, range)) continue
    // it was broken before: this step does not make it worse
    if (step.from !== null && !fits(step.from, range)) continue
    return { module, range: '', reason: `${module}@${here.version} needs ${step.module} ${range}` }
  }
  return null
}

/** What will be installed in the app, or is installed in another app of this branch. */
function versionAfter(module: string, steps: readonly Step[], app: PlanApp, input: PlanInput): string | null {
  const step = steps.find((one) => one.module === module && one.blocked === null)
  if (step !== undefined) return step.to
  const own = app.installed.get(module)
  if (own !== undefined) return own.version
  for (const other of input.apps) {
    const there = other.installed.get(module)
    if (there !== undefined) return there.version
  }
  return null
}

function fits(version: string, range: string): boolean {
  try {
    return satisfies(detectOrder(version), version, range)
  } catch {
    return false
  }
}

/** Required modules first, names where nothing decides; a circle is broken at its first name. */
export function orderByNeed(steps: Step[]): Step[] {
  const byName = new Map(steps.map((step) => [step.module, step]))
  const done = new Set<string>()
  const ordered: Step[] = []
  const visit = (step: Step) => {
    if (done.has(step.module)) return
    done.add(step.module)
    for (const module of Object.keys(step.release?.requires ?? {}).sort()) {
      const needed = byName.get(module)
      if (needed !== undefined) visit(needed)
    }
    ordered.push(step)
  }
  for (const step of steps) visit(step)
  return ordered
}
