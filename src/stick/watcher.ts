// Plug and wait: notices sticks that appear, does the whole round with those that carry this fleet, and says when they may
// be removed. A stick that is not ours is looked at once and never written to; nothing on a stick is ever run.
import { setTimeout as delay } from 'node:timers/promises'
import type { ControlEvent } from '../control/commands.ts'
import { asChasquiError, ChasquiError } from '../errors.ts'
import type { Log } from '../system/log.ts'
import { listFeeds } from './feed-folder.ts'
import { listStick, openFolder, type StickFolder } from './folder.ts'
import type { StickHome } from './home.ts'
import type { MountSource } from './mounts.ts'
import { type Claimed, type StickTools, type SyncResult, syncStick } from './round.ts'
import { deviceAt } from './same-device.ts'
import { inTurn } from './turn.ts'

export interface WatcherParts {
  home: StickHome
  mounts: MountSource
  tools: StickTools
  log: Log
  /** milliseconds between two looks */
  interval?: number
  /** `stick` events: plugged, progress, done, failed, removed */
  emit(event: ControlEvent): void
}

/** What a stick at hand is doing, for `status`. */
export interface WatchedStick {
  place: string
  state: 'working' | 'done' | 'failed'
  error: { code: string; message: string } | null
  /** RFC 3339 */
  since: string
}

export interface StickWatcher {
  sticks(): WatchedStick[]
  /** Looks now; returns when every round that it started has ended. */
  look(): Promise<void>
  stop(): Promise<void>
}

const INTERVAL = 2000 // milliseconds: a look costs one small file read

/** Starts to watch. */
export function watchSticks(parts: WatcherParts): StickWatcher {
  const watcher = new Watcher(parts)
  watcher.start()
  return watcher
}

class Watcher implements StickWatcher {
  readonly #parts: WatcherParts
  readonly #stopping = new AbortController()
  /** by place: the device that was looked at there, so that another stick at the same place is noticed */
  readonly #seen = new Map<string, { device: number; stick: WatchedStick | null }>()
  #looking: Promise<void> = Promise.resolve()
  #loop: Promise<void> = Promise.resolve()

  constructor(parts: WatcherParts) {
    this.#parts = parts
  }

  start(): void {
    this.#loop = this.#run()
  }

  sticks(): WatchedStick[] {
    return [...this.#seen.values()].flatMap(({ stick }) => (stick === null ? [] : [stick]))
  }

  look(): Promise<void> {
    this.#looking = this.#looking.then(() => this.#look())
    return this.#looking
  }

  async stop(): Promise<void> {
    this.#stopping.abort()
    await this.#loop
    await this.#looking
  }

  async #run(): Promise<void> {
    const { signal } = this.#stopping
    while (!signal.aborted) {
      await this.look()
      await delay(this.#parts.interval ?? INTERVAL, undefined, { signal, ref: false }).catch(() => undefined)
    }
  }

  async #look(): Promise<void> {
    const places = await this.#parts.mounts.list().catch((): string[] => [])
    for (const [place, { stick }] of this.#seen) {
      if (places.includes(place)) continue
      this.#seen.delete(place)
      if (stick !== null) this.#parts.emit({ event: 'stick', what: 'removed', place })
    }
    for (const place of places) {
      if (this.#stopping.signal.aborted) return
      await this.#visit(place)
    }
  }

  async #visit(place: string): Promise<void> {
    const device = await deviceAt(this.#parts.tools.fs, place).catch(() => null)
    if (device === null || this.#seen.get(place)?.device === device) return
    const entry: { device: number; stick: WatchedStick | null } = { device, stick: null }
    this.#seen.set(place, entry)
    if (!(await this.#isOurs(place))) return
    entry.stick = this.#state(place, 'working', null)
    await this.#round(entry, place)
  }

  /** Ours: a Chasqui folder that names this fleet, or carries its feed. */
  async #isOurs(place: string): Promise<boolean> {
    const { home, tools } = this.#parts
    try {
      const folder = await openFolder(tools.fs, place)
      return (
        (folder.file?.fleets ?? []).some(({ id }) => id === home.fleet) || (await this.#carriesFeed(folder))
      )
    } catch (error) {
      const { code } = asChasquiError(error)
      if (code !== 'STICK_NOT_A_STICK') this.#parts.log.info({ place, code }, 'a drive was left alone')
      return false
    }
  }

  async #carriesFeed(folder: StickFolder): Promise<boolean> {
    const { home } = this.#parts
    const feeds = await listFeeds(folder)
    const roots = await listStick(folder, ['roots'])
    return feeds.includes(Buffer.from(home.feed.db.key).toString('hex')) || roots.includes(home.fleet)
  }

  async #round(entry: { stick: WatchedStick | null }, place: string): Promise<void> {
    const { emit, log } = this.#parts
    emit({ event: 'stick', what: 'plugged', place })
    log.info({ place }, 'stick: working, do not remove it yet')
    try {
      const result = await this.#sync(place)
      const first = result.rejected[0]
      if (first !== undefined) throw new ChasquiError(first.code, `${first.file}: ${first.message}`)
      entry.stick = this.#state(place, 'done', null)
      const { read, wrote, reports, releases, safeToRemove } = result
      emit({ event: 'stick', what: 'done', place, read, wrote, reports, releases, safeToRemove })
      const next = safeToRemove ? 'safe to remove' : 'another program goes on with it'
      log.info({ place, read, wrote, reports }, `stick: done, ${next}`)
    } catch (thrown) {
      const { code, message } = asChasquiError(thrown)
      entry.stick = this.#state(place, 'failed', { code, message })
      emit({ event: 'stick', what: 'failed', place, code, message, safeToRemove: true })
      log.warn({ place, code, message }, 'stick: failed, safe to remove')
    }
  }

  /** Import, let the home apply what it may, export what fits. */
  #sync(place: string): Promise<Claimed<SyncResult>> {
    const { home, tools, emit } = this.#parts
    const request = {
      stick: place,
      filter: null,
      maxSize: null,
      part: 1,
      orders: [],
      installer: null,
      asFits: true,
      dryRun: false
    }
    const context = {
      signal: this.#stopping.signal,
      emit: (event: ControlEvent) => emit({ ...event, event: 'stick', what: event.event, place })
    }
    return inTurn(home, () => syncStick(home, request, tools, context, { settle: 'all', create: false }))
  }

  #state(place: string, state: WatchedStick['state'], error: WatchedStick['error']): WatchedStick {
    return { place, state, error, since: new Date(this.#parts.tools.now()).toISOString() }
  }
}
