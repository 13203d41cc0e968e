// What runs an application: one small contract for systemd, Windows services, docker compose and plain commands. Answers of
// the tools are read as numbers or fixed words, never as translated text.
import type { AppWork } from '../apply/work.ts'
import type { ServiceConfig } from '../config/apps.ts'
import { commandService } from './command.ts'
import { composeService } from './compose.ts'
import { systemdService } from './systemd.ts'
import { windowsService } from './windows.ts'

export interface Service {
  /** Returns when it has stopped. Stopping what does not run is fine. Throws SERVICE_FAILED, SERVICE_UNREACHABLE. */
  stop(work: AppWork): Promise<void>
  /** Returns when it has started. Throws SERVICE_FAILED, SERVICE_UNREACHABLE. */
  start(work: AppWork): Promise<void>
  /** null: there is no way to know */
  isRunning(work: AppWork): Promise<boolean | null>
  /** Where it has parts: nothing of it runs. */
  isDown?(work: AppWork): Promise<boolean>
  /** The programs that it needs. */
  tools: readonly string[]
  /** Where something manages it that can be away. Throws SERVICE_UNREACHABLE, or APPLY_TOOL_MISSING for a part of a tool. */
  requireManager?(work: AppWork): Promise<void>
  /** Where the operating system can be kept from starting it. */
  latch?: Latch
}

export interface Latch {
  /** Asked before anything is changed: what `open` will have to bring back. */
  remember(work: AppWork): Promise<string>
  /** While the file `hold` is there, nothing but the node is to start it; done again, it changes nothing. */
  close(work: AppWork, hold: string): Promise<void>
  open(work: AppWork, remembered: string): Promise<void>
}

const noService: Service = {
  async stop() {},
  async start() {},
  isRunning: async () => null,
  tools: []
}

/** What an app is configured to be run by; undefined: nothing. */
export function createService(config: ServiceConfig | undefined): Service {
  switch (config?.kind) {
    case undefined:
    case 'none':
      return noService
    case 'systemd':
      return systemdService(config)
    case 'windows':
      return windowsService(config)
    case 'compose':
      return composeService(config)
    case 'command':
      return commandService(config)
  }
}

/** It is known that nothing of it runs. */
export async function isDown(service: Service, work: AppWork): Promise<boolean> {
  return service.isDown === undefined ? (await service.isRunning(work)) === false : service.isDown(work)
}
