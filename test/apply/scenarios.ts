// What the sweep does to a branch, as a table: what is installed, what is asked of it, what is wrong with the application,
// and the only two states that may be there at the end.
import type { Engine } from '../../node/apply/types.ts'
import { type FakeRelease, type Files, LOCKING_COMMANDS, SimulatedBranch } from './simulated-branch.ts'
import type { TillFaults } from './simulated-till.ts'

type Kind = 'directory' | 'overlay'
type Action = 'install' | 'apply' | 'restore' | 'restore with database' | 'remove'

export interface Scenario {
  name: string
  action: Action
  /** of each module */
  kinds: Kind[]
  /** makes the transaction roll back by itself, so that faults hit the way back */
  till: TillFaults
  /** what is wrong stays wrong until the operator has done something about it */
  needsOperator: boolean
  /** the operating system does not start what the node keeps down */
  honoursHold: boolean
  hasLock: boolean
}

/** Everything by which two states are told apart. */
export interface World {
  files: Record<string, Files>
  /** null: not installed */
  installed: Record<string, string | null>
  schema: string
  migrations: number
}

const HOLD = '/srv/.chasqui-shop/shop.down'
/** What is not ours lies here, and must be there at the end, whatever happens. */
const LOCAL: Files = { 'media/photo.jpg': 'photo', 'src/local.js': 'local' }

function filesOf(version: string, module: string): Files {
  const common = {
    'version.txt': version,
    'src/main.js': `${module} ${version}`,
    'same.txt': 'same',
    'run.sh': 'x go'
  }
  return version === '1.0.0' ? { ...common, 'src/old.js': 'old' } : { ...common, 'lib/new.js': 'new' }
}

function releasesOf(scenario: Scenario, version: string): FakeRelease[] {
  return scenario.kinds.map((kind, index) => {
    const module = `pos_${index}`
    return { module, version, kind, files: filesOf(version, module) }
  })
}

function optionsOf({ action, hasLock }: Scenario) {
  // after these, files and database do not fit by the operator's own wish
  const isUnfit = action === 'restore' || action === 'remove'
  return {
    modules: ['pos_*'],
    config: {
      attempts: 20,
      ...(hasLock ? { commands: LOCKING_COMMANDS } : {}),
      ...(isUnfit ? { checks: [] } : {})
    }
  }
}

/** A branch before the transaction, to be cloned. */
export async function prepare(scenario: Scenario): Promise<SimulatedBranch> {
  const branch = new SimulatedBranch(optionsOf(scenario))
  if (scenario.action === 'install') {
    branch.till.running = false
    return branch
  }
  await branch.install(...releasesOf(scenario, '1.0.0'))
  for (const { module } of releasesOf(scenario, '1.0.0')) {
    for (const [path, text] of Object.entries(LOCAL)) branch.disk.plant(`/srv/shop/${module}/${path}`, text)
  }
  if (scenario.action === 'apply') return branch
  const update = releasesOf(scenario, '2.0.0').map((one) => ({ ...one, from: '1.0.0' }))
  const { result } = await branch.engine().apply(branch.request(...update))
  if (result !== 'committed') throw new Error(result)
  branch.till.sell('after the update')
  return branch
}

export function clone(template: SimulatedBranch, scenario: Scenario): SimulatedBranch {
  const branch = template.clone(optionsOf(scenario))
  branch.till.faults = { ...scenario.till }
  branch.till.heldBy = scenario.honoursHold ? HOLD : null
  if (scenario.action === 'install') branch.till.running = false
  // what is sold in a first version has no older folder to go back to
  else branch.till.receipts = '/srv/shop/pos_0'
  return branch
}

/** The transaction itself. */
export function act(scenario: Scenario, branch: SimulatedBranch, engine: Engine, force = false) {
  const { app } = branch
  switch (scenario.action) {
    case 'install': {
      const first = releasesOf(scenario, '1.0.0').map((one) => ({ ...one, from: null }))
      return engine.apply({ ...branch.request(...first), force })
    }
    case 'apply': {
      const update = releasesOf(scenario, '2.0.0').map((one) => ({ ...one, from: '1.0.0' }))
      return engine.apply({ ...branch.request(...update), force })
    }
    case 'restore':
      return engine.rollback({ app, backup: null, withDatabase: false })
    case 'restore with database':
      return engine.rollback({ app, backup: null, withDatabase: true })
    case 'remove':
      return engine.remove({ app, module: 'pos_0' })
  }
}

/** Nothing is there that would have to run: before a first install, and when the last module has gone. */
export function isEmptyAt({ action, kinds }: Scenario, end: 'old' | 'new'): boolean {
  return action === 'install' ? end === 'old' : action === 'remove' && kinds.length === 1 && end === 'new'
}

/** What may be there at the end, and nothing else: the application's own files are in both. */
export function worldsOf(scenario: Scenario, printed: readonly string[]): { old: World; new: World } {
  const receipts = Object.fromEntries(printed.map((name) => [`receipts/${name}.txt`, name]))
  const { old, new: fresh } = endsOf(scenario)
  const add = (world: World) => ({
    ...world,
    files: { ...world.files, pos_0: { ...world.files.pos_0, ...receipts } }
  })
  return { old: add(old), new: add(fresh) }
}

function endsOf(scenario: Scenario): { old: World; new: World } {
  const modules = scenario.kinds.length
  const first = worldOf(scenario, '1.0.0', { schema: '1.0.0', migrations: 0 })
  const second = worldOf(scenario, '2.0.0', { schema: '2.0.0', migrations: modules })
  switch (scenario.action) {
    case 'install': {
      const { nothing, released } = aroundInstall(first)
      return { old: nothing, new: released }
    }
    case 'apply':
      return { old: first, new: second }
    case 'restore':
      return { old: second, new: { ...first, schema: '2.0.0', migrations: modules } }
    case 'restore with database':
      return { old: second, new: first }
    case 'remove': {
      const files = { ...second.files, pos_0: LOCAL }
      return { old: second, new: { ...second, files, installed: { ...second.installed, pos_0: null } } }
    }
  }
}

/** Neither has local files. */
function aroundInstall(first: World): { nothing: World; released: World } {
  const modules = Object.keys(first.files)
  const each = <T>(of: (module: string) => T) => Object.fromEntries(modules.map((one) => [one, of(one)]))
  const released = each((one) => filesOf('1.0.0', one))
  return {
    nothing: { ...first, files: each(() => ({})), installed: each(() => null) },
    released: { ...first, files: released }
  }
}

function worldOf(scenario: Scenario, version: string, database: Pick<World, 'schema' | 'migrations'>): World {
  const releases = releasesOf(scenario, version)
  return {
    files: Object.fromEntries(releases.map(({ module, files }) => [module, { ...files, ...LOCAL }])),
    installed: Object.fromEntries(releases.map(({ module }) => [module, version])),
    ...database
  }
}

const usual = { till: {}, needsOperator: false, honoursHold: false, hasLock: false }

function scenario(action: Action, kinds: Kind[], more: Partial<Scenario> = {}): Scenario {
  const { till, hasLock, honoursHold } = { ...usual, ...more }
  const words = [
    `${Object.keys(till).length === 0 ? action : `rollback of ${action} (${Object.keys(till).join(', ')})`}`,
    kinds.length === 1 ? kinds[0] : `${kinds.length} modules ${[...new Set(kinds)].join(' and ')}`,
    ...(hasLock ? ['locked'] : []),
    ...(honoursHold ? ['kept down'] : [])
  ]
  return { name: words.join(', '), action, kinds, ...usual, ...more }
}

const SICK: TillFaults = { sickVersion: '2.0.0' }
const THREE = (kind: Kind): Kind[] => [kind, kind, kind]
const MIXED: Kind[] = ['directory', 'overlay', 'directory']

/** One module, every operation: what is most used. */
export const CORE: readonly Scenario[] = (['directory', 'overlay'] as const).map((kind) =>
  scenario('apply', [kind], { honoursHold: kind === 'directory' })
)

/** Faults on the way back, and the rest of what a branch is asked for. */
export const FURTHER: readonly Scenario[] = [
  scenario('install', ['directory']),
  scenario('install', ['directory'], { till: { sickVersion: '1.0.0' } }),
  scenario('install', MIXED, { till: { startFailsWith: '1.0.0' } }),
  ...(['directory', 'overlay'] as const).flatMap((kind) => [
    scenario('apply', [kind], { till: SICK }),
    scenario('apply', THREE(kind)),
    scenario('apply', THREE(kind), { till: SICK, honoursHold: true }),
    scenario('restore', [kind]),
    scenario('restore', [kind], { till: { startFailsWith: '1.0.0' } }),
    scenario('restore with database', [kind], { hasLock: true }),
    scenario('restore with database', [kind], { till: { sickVersion: '1.0.0' } }),
    scenario('remove', [kind]),
    scenario('remove', THREE(kind), { honoursHold: true })
  ]),
  scenario('apply', MIXED, { hasLock: true, honoursHold: true }),
  scenario('apply', MIXED, { till: SICK, hasLock: true }),
  scenario('restore with database', MIXED, { honoursHold: true })
]

/** What the node alone cannot mend: somebody starts the application by hand, users work, and then it is tried again. */
export const STUCK: readonly Scenario[] = (['directory', 'overlay'] as const).flatMap((kind) =>
  (
    [
      { ...SICK, startFailsWith: '1.0.0' },
      { ...SICK, loadFails: true },
      { ...SICK, unlockFails: true },
      { unlockFails: true }
    ] satisfies TillFaults[]
  ).map((till) => scenario('apply', [kind], { till, needsOperator: true, hasLock: 'unlockFails' in till }))
)
