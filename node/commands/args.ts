// Arguments of commands as they arrive: JSON from the command line or the control socket, checked before use.
import { z } from 'zod'
import { ChasquiError } from '../../src/errors.ts'
import { nearest } from '../../src/system/nearest.ts'
import type { NodeApp } from '../app.ts'
import type { AppConfig } from '../config/apps.ts'

export const moduleNames = z.array(z.string().min(1).max(100)).max(10_000).default([])
export const appName = z.string().min(1).max(50).optional()

/** The apps of the configuration, or the named one. Throws APP_UNKNOWN. */
export function appsOf(app: NodeApp, name: string | undefined): AppConfig[] {
  const apps = app.config.apps
  if (name === undefined) return Object.values(apps)
  const found = Object.hasOwn(apps, name) ? apps[name] : undefined
  if (found !== undefined) return [found]
  throw unknownApp(name, Object.keys(apps))
}

/** The one app that is meant. Throws APP_UNKNOWN, APP_AMBIGUOUS. */
export function oneApp(app: NodeApp, name: string | undefined): AppConfig {
  const apps = appsOf(app, name)
  const [only] = apps
  if (only !== undefined && apps.length === 1) return only
  if (only === undefined) {
    throw new ChasquiError('APP_UNKNOWN', 'no app is configured on this node', {
      hint: `add one to ${app.paths.config} as [apps.NAME]`
    })
  }
  const names = apps.map((one) => one.name).join(', ')
  throw new ChasquiError('APP_AMBIGUOUS', `this node has several apps: ${names}`, {
    hint: 'name one with --app'
  })
}

function unknownApp(name: string, known: readonly string[]): ChasquiError {
  const near = nearest(name, known)
  const list = known.length === 0 ? 'none is configured' : `configured: ${known.join(', ')}`
  return new ChasquiError('APP_UNKNOWN', `there is no app "${name}" on this node`, {
    hint: near === null ? list : `did you mean "${near}"? ${list}`
  })
}

/** Throws MODULE_UNKNOWN for a name that is neither among `known`. */
export function requireKnown(modules: readonly string[], known: ReadonlySet<string>): void {
  for (const module of modules) {
    if (known.has(module)) continue
    const near = nearest(module, [...known])
    throw new ChasquiError('MODULE_UNKNOWN', `this node knows no module "${module}"`, {
      hint: near === null ? 'see "chasqui node status" for names' : `did you mean "${near}"?`
    })
  }
}
