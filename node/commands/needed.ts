// What other installed modules need: nothing of it is taken away.
import { ChasquiError } from '../../src/errors.ts'
import type { NodeApp } from '../app.ts'
import type { AppConfig } from '../config/apps.ts'

/** Throws APPLY_REQUIRES when another installed module of the app requires this one. */
export async function refuseNeeded(app: NodeApp, config: AppConfig, module: string): Promise<void> {
  // without the feed nothing says who needs whom; the checks after the removal still do
  const view = await app.refresh().catch(() => null)
  if (view === null) return
  const others = (await app.engine.installed(config.name)).filter((one) => one.module !== module)
  const catalog = await app.catalog(
    view,
    others.map((one) => one.module)
  )
  const needing = others.filter(({ module: name, track, version }) => {
    const release = catalog.releases(name, track).find((one) => one.version === version)
    return Object.hasOwn(release?.requires ?? {}, module)
  })
  if (needing.length === 0) return
  const names = needing.map((one) => `${one.module}@${one.version}`).join(', ')
  throw new ChasquiError('APPLY_REQUIRES', `${module} is needed by ${names}`, {
    hint: `remove ${needing.map((one) => one.module).join(', ')} first`
  })
}
