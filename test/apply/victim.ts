// A program for the kill tests: one apply, or one recovery, in a real folder with the real file system, journal and runner.
// Usage: victim.ts DIR recover | victim.ts DIR apply VERSION. Prints one line per state, and the result as JSON at the end.
import { randomBytes } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { createEngine } from '../../node/apply/engine.ts'
import { systemClock, systemHttp } from '../../node/apply/real-parts.ts'
import { silentLog } from '../../src/system/log.ts'
import { realProcessRunner } from '../../src/system/process.ts'
import { realFileSystem } from '../../src/system/real-file-system.ts'
import { openState } from '../../src/system/state.ts'
import { versionFiles, writeTree } from './kill-files.ts'
import { manifestOf, parseApp, releaseOf } from './simulated-branch.ts'

const [directory = '', action, version = ''] = process.argv.slice(2)
const config = JSON.parse(await readFile(join(directory, 'app.json'), 'utf8')) as Record<string, unknown>
const app = parseApp(config)
const state = await openState(join(directory, 'state'))
const kind = config.keep === undefined ? 'directory' : 'overlay'
const engine = createEngine({
  fs: realFileSystem,
  runner: realProcessRunner,
  state,
  clock: systemClock,
  random: randomBytes,
  log: silentLog,
  http: systemHttp,
  async stage({ module, release }, into) {
    await writeTree(into, versionFiles(module, release.version))
    return manifestOf(versionFiles(module, release.version))
  },
  platform: process.platform,
  platforms: ['linux'],
  environment: process.env,
  home: directory
})
const emit = (event: object) => console.log(JSON.stringify(event))
console.log('ready')
if (action === 'recover') {
  const results = await engine.recover({ emit })
  console.log(JSON.stringify({ results: results.map((one) => one.result) }))
} else {
  const installed = new Map((await engine.installed('shop')).map((one) => [one.module, one.version]))
  const releases = ['pos_a', 'pos_b'].map((module) => ({
    module,
    track: 'default',
    from: installed.get(module) ?? null,
    to: version,
    release: releaseOf({ module, version, kind, files: versionFiles(module, version) })
  }))
  const result = await engine.apply({ app, releases, force: true }, { emit })
  console.log(JSON.stringify(result))
}
await state.close()
