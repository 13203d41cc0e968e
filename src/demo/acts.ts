// What happens again and again in the demo: an update, an update that fails, a visit of the stick, a look at the fleet, the
// count of the sales. Each says what it saw and throws DEMO_FAILED when it is not what it should be.
import { mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { formatBytes, formatCount, formatDuration } from '../cli/output.ts'
import { ChasquiError } from '../errors.ts'
import type { Applied, Branch } from './branch.ts'
import { carry, type FleetRow, type Headquarters } from './headquarters.ts'
import type { Narration } from './narration.ts'
import type { Processes } from './processes.ts'
import { type BranchSummary, describeDowntime } from './telling.ts'

/** The module that changes in every version, with its versions. */
export const TILL_MODULE = 'pos_tienda'
export const FIRST = '17.0.1.0.0'
export const DELTA = '17.0.1.1.0'
const BROKEN = '17.0.1.2.0'
export const FIX = '17.0.1.2.1'
const POLL = 150 // milliseconds
const PATIENCE = 60_000 // milliseconds until something that was sent must have arrived

/** What the story plays with: where, how it is told, its processes, and what else has to be ended. */
export interface Scene {
  dir: string
  narration: Narration
  processes: Processes
  /** closed in reverse order, after the processes */
  closers: (() => Promise<void>)[]
}

export type Say = (line: string) => void

/** Waits until the release is there, applies it, and tells what it took. */
export async function update(branch: Branch, version: string, say: Say): Promise<void> {
  const startedAt = performance.now()
  const bytes = await until(`${TILL_MODULE} ${version} at ${branch.name}`, () =>
    branch.planned(TILL_MODULE, version)
  )
  const heard = performance.now() - startedAt
  const applied = await branch.apply()
  expect(applied.result === 'committed', `${branch.name} did not apply ${version}`, applied)
  const { status, page } = await branch.login()
  expect(
    status === 200 && page.includes(version),
    `the till of ${branch.name} does not run ${version}`,
    applied
  )
  branch.bytes += bytes
  say(
    `${branch.name}: heard after ${formatDuration(heard)}, ${formatBytes(bytes)} of packs, applied in ${formatDuration(applied.ms)}${describeDowntime(applied)}`
  )
}

/** Applies a release whose check fails, and sees the till as it was before. */
export async function failedUpdate(branch: Branch, say: Say): Promise<void> {
  const before = (await branch.login()).page
  branch.bytes += await until(`the broken release at ${branch.name}`, () =>
    branch.planned(TILL_MODULE, BROKEN)
  )
  const applied = await branch.apply()
  expect(applied.result === 'rolled-back', `${branch.name} did not roll back`, applied)
  const after = await branch.login()
  expect(after.status === 200 && after.page === before, `${branch.name} is not as it was before`, applied)
  say(`${branch.name}: ${applied.error?.message ?? 'its check failed'}`)
  say(
    `${branch.name}: rolled back by itself, files and database, in ${formatDuration(applied.ms)}${describeDowntime(applied)}`
  )
}

/** Publisher → stick → branch, which applies, → stick → publisher. */
export async function takeStick(
  { dir, processes }: Scene,
  publisher: Headquarters,
  branch: Branch,
  version: string,
  say: Say
): Promise<void> {
  const stick = join(dir, 'stick') // a folder, as a mounted stick is
  await mkdir(stick, { recursive: true })
  const out = await carry(processes, publisher.home, 'export', stick)
  await carry(processes, branch.home, 'import', stick)
  say(`${formatBytes(out.wrote?.bytes ?? 0)} written to the stick and carried to ${branch.name}`)
  await update(branch, version, say)
  await carry(processes, branch.home, 'export', stick)
  const home = await carry(processes, publisher.home, 'import', stick)
  say(`back at the publisher: ${formatCount(home.reports.in, 'report')} came with the stick`)
}

/** The fleet, as soon as every branch is known to run the last version. */
export async function hearFrom(publisher: Headquarters, branches: readonly Branch[]): Promise<FleetRow[]> {
  return until('reports of all branches', async () => {
    const rows = await publisher.fleet()
    const current = rows.filter((row) => row.modules[TILL_MODULE] === FIX)
    return current.length === branches.length ? rows : null
  })
}

export async function closeTills(branches: readonly Branch[], say: Say): Promise<BranchSummary[]> {
  const summaries = await Promise.all(branches.map(summarise))
  const sum = (pick: (summary: BranchSummary) => number) =>
    summaries.reduce((total, summary) => total + pick(summary), 0)
  const lost = sum((summary) => summary.sales.lost)
  say(
    `${sum((summary) => summary.sales.acknowledged)} sales acknowledged, ${lost} lost; ${sum((summary) => summary.sales.waited)} times a customer had to ask again`
  )
  if (lost > 0) throw new ChasquiError('DEMO_FAILED', `${lost} sales are lost`)
  return summaries
}

async function summarise(branch: Branch): Promise<BranchSummary> {
  return {
    name: branch.name,
    link: branch.link,
    version: /pos_tienda ([\d.]+)/.exec((await branch.login()).page)?.[1] ?? '?',
    updates: branch.applied.filter((applied) => applied.result === 'committed').length,
    rolledBack: branch.applied.filter((applied) => applied.result === 'rolled-back').length,
    bytes: branch.bytes,
    downtime: Math.max(...branch.applied.map((applied) => applied.downtime ?? 0)),
    sales: await branch.countSales()
  }
}

function expect(isTrue: boolean, complaint: string, applied: Applied): asserts isTrue {
  if (isTrue) return
  const { error, result } = applied
  throw new ChasquiError('DEMO_FAILED', complaint, {
    hint: `result ${result}${error === undefined ? '' : `: ${error.code}: ${error.message}`}`
  })
}

async function until<T>(what: string, look: () => Promise<T | null>): Promise<T> {
  const deadline = performance.now() + PATIENCE
  for (;;) {
    const found = await look()
    if (found !== null) return found
    if (performance.now() > deadline) throw new ChasquiError('DEMO_FAILED', `${what} did not arrive`)
    await sleep(POLL)
  }
}
