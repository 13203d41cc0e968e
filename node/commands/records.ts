// `backups`, `history`, `validate`, `hold`, `unhold`: what the engine remembers and checks.
import { z } from 'zod'
import { parseArguments } from '../../src/control/arguments.ts'
import type { Command } from '../../src/control/commands.ts'
import { ChasquiError } from '../../src/errors.ts'
import { matchesAny } from '../../src/fleet/pattern.ts'
import type { NodeApp } from '../app.ts'
import { appName, appsOf } from './args.ts'

const appArgs = z.strictObject({ app: appName })

export const backups: Command<NodeApp> = async (app, args) => {
  const configs = appsOf(app, parseArguments(appArgs, args).app)
  const found = await Promise.all(
    configs.map(async ({ name }) => [
      ...(await app.engine.backups(name)).map((one) => ({ kind: 'backup' as const, ...one })),
      ...(await app.engine.setAside(name)).map((one) => ({ kind: 'set-aside' as const, ...one }))
    ])
  )
  return found.flat()
}

const historyArgs = z.strictObject({ app: appName, limit: z.int().min(1).max(100_000).default(100) })

export const history: Command<NodeApp> = async (app, args) => {
  const { app: name, limit } = parseArguments(historyArgs, args)
  appsOf(app, name)
  return app.engine.history(name === undefined ? { limit } : { app: name, limit })
}

const validateArgs = z.strictObject({
  app: appName,
  checks: z.array(z.string().min(1).max(100)).max(100).default([])
})

export const validate: Command<NodeApp> = async (app, args) => {
  const { app: name, checks } = parseArguments(validateArgs, args)
  const apps = []
  for (const config of appsOf(app, name)) {
    const results = await app.engine.validate(config, checks)
    apps.push({ app: config.name, ok: results.every((one) => one.ok), checks: results })
  }
  if (checks.length > 0 && apps.every((one) => one.checks.length === 0)) {
    throw new ChasquiError('CHECK_UNKNOWN', `no app has a check named ${checks.join(', ')}`, {
      hint: '"chasqui node validate" without names shows them all'
    })
  }
  return { ok: apps.every((one) => one.ok), apps }
}

const holdArgs = z.strictObject({ module: z.string().min(1).max(100), app: appName })

export const hold: Command<NodeApp> = (app, args) => setHold(app, args, true)
export const unhold: Command<NodeApp> = (app, args) => setHold(app, args, false)

async function setHold(app: NodeApp, args: unknown, isHeld: boolean) {
  const { module, app: name } = parseArguments(holdArgs, args)
  const held: string[] = []
  for (const config of appsOf(app, name)) {
    const installed = await app.engine.installed(config.name)
    const concerns = matchesAny(config.modules, module) || installed.some((one) => one.module === module)
    if (!concerns) continue
    await app.engine.setHold(config.name, module, isHeld)
    held.push(config.name)
  }
  if (held.length === 0) {
    throw new ChasquiError('MODULE_UNKNOWN', `no app of this node has a module "${module}"`, {
      hint: 'see "chasqui node status" for names'
    })
  }
  app.events.emit('changed')
  return { module, held: isHeld, apps: held }
}
