// Plug and wait: notices sticks that appear, does the whole round with those that carry this fleet, and says when they may
// be removed. A round is done again when there is news meanwhile, when somebody made room, and some time after it failed. A stick that is not
// ours is never written to; nothing on a stick is ever run.
import { setTimeout as delay } from 'node:timers/promises'
import type { ControlEvent } from '../control/commands.ts'
import { asChasquiError, ChasquiError } from '../errors.ts'
import type { Log } from '../system/log.ts'
import { Answers } from './answers.ts'
import { isUnclaimed } from './claim.ts'
import type { StickHome } from './home.ts'
import { insertionAt } from './insertion.ts'
import type { MountSource } from './mounts.ts'
import { News } from './news.ts'
import { isOurs } from './ours.ts'
import { syncStick } from './round.ts'
import type { Claimed, StickTools, SyncResult } from './round-types.ts'
import { lacksSpace } from './space.ts'
import { isLasting, pauseAfter } from './tries.ts'
import { inTurn } from './turn.ts'
import { type WatchedStick, withProgress, workingStick } from './watched-stick.ts'

export interface WatcherParts {
  home: StickHome
  mounts: MountSource
  tools: StickTools
  log: Log
  /** milliseconds between two looks */
  interval?: number
  /** milliseconds that a place has to answer in */
  patience?: number
  /** `stick` events: plugged, again, what the round itself says, done, failed, removed */
  emit(event: ControlEvent): void
}

export interface StickWatcher {
  sticks(): WatchedStick[]
  /** Looks now; returns when every round that it started has ended. */
  look(): Promise<void>
  stop(): Promise<void>
}

const INTERVAL = 2000 // milliseconds: a look costs one small file read

/** What is at a place. */
interface Seen {
  insertion: string
  /** null: not ours */
  stick: WatchedStick | null
  /** what its last round gave, or failed with */
  news: News
  /** rounds in a row that failed, and when the next one is due (ms); null: none is */
  failures: number
  retryAt: number | null
  /** bytes that were free when something did not fit; null: everything did */
  tooFew: number | null
}

/** bytes that somebody has freed, from which a stick that was too full is tried again */
const MORE_ROOM = 1024 * 1024

/** Starts to watch. */
export function watchSticks(parts: WatcherParts): StickWatcher {
  const watcher = new Watcher(parts)
  watcher.start()
  return watcher
}

class Watcher implements StickWatcher {
  readonly #parts: WatcherParts
  readonly #stopping = new AbortController()
  /** by place */
  readonly #seen = new Map<string, Seen>()
  readonly #answers: Answers
  #looking: Promise<void> = Promise.resolve()
  #loop: Promise<void> = Promise.resolve()

  constructor(parts: WatcherParts) {
    this.#parts = parts
    const isSilent = (place: string) =>
      parts.log.warn({ place }, 'a drive does not answer: it is left alone until it does')
    this.#answers = new Answers(this.#stopping.signal, isSilent, parts.patience)
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
    const list = () => this.#parts.mounts.list().catch((): string[] => [])
    const places = await this.#answers.of('mount points', list)
    if (places === undefined) return
    for (const place of [...this.#seen.keys()]) {
      if (!places.includes(place)) this.#forget(place)
    }
    for (const place of places) {
      if (this.#stopping.signal.aborted) return
      await this.#visit(place)
    }
  }

  #forget(place: string): void {
    const wasOurs = (this.#seen.get(place)?.stick ?? null) !== null
    this.#seen.delete(place)
    if (wasOurs) this.#parts.emit({ event: 'stick', what: 'removed', place })
  }

  async #visit(place: string): Promise<void> {
    const insertion = await this.#answers.of(place, () => insertionAt(this.#parts.tools.fs, place))
    if (insertion === undefined) return
    const known = this.#seen.get(place)
    if (known !== undefined && known.insertion === insertion) return this.#again(known, place)
    this.#forget(place)
    if (insertion === null) return
    const entry: Seen = {
      insertion,
      stick: null,
      news: new News(this.#parts.home),
      failures: 0,
      retryAt: null,
      tooFew: null
    }
    this.#seen.set(place, entry)
    const { home, tools, log } = this.#parts
    if (!(await isOurs(home, tools.fs, place, log))) return
    this.#parts.emit({ event: 'stick', what: 'plugged', place })
    await this.#round(entry, place)
  }

  async #again(entry: Seen, place: string): Promise<void> {
    if (entry.stick === null) return
    if (!entry.stick.safeToRemove) entry.stick = { ...entry.stick, safeToRemove: await this.#isFree(place) }
    const now = this.#parts.tools.now()
    const isDue = entry.retryAt !== null && now >= entry.retryAt
    const { news, stick } = entry
    const hasNews = () => (stick.state === 'done' ? news.isThere(now) : news.hasFeed())
    if (!isDue && !(await this.#hasMoreRoom(entry, place)) && !(await hasNews())) return
    this.#parts.emit({ event: 'stick', what: 'again', place })
    await this.#round(entry, place)
  }

  async #hasMoreRoom({ tooFew }: Seen, place: string): Promise<boolean> {
    return tooFew !== null && (await this.#freeOn(place)) >= tooFew + MORE_ROOM
  }

  /** 0: the drive does not say */
  async #freeOn(place: string): Promise<number> {
    return (await this.#answers.of(place, () => this.#parts.tools.freeSpace(place))) ?? 0
  }

  async #round(entry: Seen, place: string): Promise<void> {
    const { emit, log } = this.#parts
    entry.stick = workingStick(place, this.#parts.tools.now())
    entry.retryAt = null
    log.info({ place }, 'stick: working, do not remove it yet')
    try {
      const result = await this.#sync(entry, place)
      const first = result.rejected[0]
      if (first !== undefined) throw new ChasquiError(first.code, `${first.file}: ${first.message}`)
      const { read, wrote, reports, releases, troubles, safeToRemove } = result
      this.#ended(entry, place, { state: 'done', troubles, safeToRemove })
      entry.failures = 0
      entry.tooFew = lacksSpace(result.plan.total, result.plan.free) > 0 ? await this.#freeOn(place) : null
      emit({ event: 'stick', what: 'done', place, read, wrote, reports, releases, troubles, safeToRemove })
      log.info({ place, read, wrote, reports, troubles }, `stick: done, ${nextFor(safeToRemove)}`)
    } catch (thrown) {
      const { code, message } = asChasquiError(thrown)
      entry.tooFew = code === 'STICK_FULL' ? await this.#freeOn(place) : null
      if (!isLasting(code)) entry.retryAt = this.#parts.tools.now() + pauseAfter(entry.failures++)
      const safeToRemove = await this.#isFree(place)
      this.#ended(entry, place, { state: 'failed', error: { code, message }, safeToRemove })
      emit({ event: 'stick', what: 'failed', place, code, message, safeToRemove })
      log.warn({ place, code, message }, `stick: failed, ${nextFor(safeToRemove)}`)
      await entry.news.take(this.#parts.tools.now())
    }
  }

  /** Import, let the home apply what it may, export what fits. */
  #sync(entry: Seen, place: string): Promise<Claimed<SyncResult>> {
    const { home, tools, emit } = this.#parts
    const { news } = entry
    const request = {
      stick: place,
      filter: null,
      maxSize: null,
      part: 1,
      keepWish: true,
      orders: [],
      installer: null,
      asFits: true,
      dryRun: false
    }
    const context = {
      signal: this.#stopping.signal,
      emit: (event: ControlEvent) => {
        if (entry.stick !== null) entry.stick = withProgress(entry.stick, event)
        emit({ ...event, event: 'stick', what: event.event, place })
      }
    }
    const beforeExport = () => news.take(tools.now())
    const options = { settle: 'all', create: false, beforeExport } as const
    return inTurn(home, context.signal, () => syncStick(home, request, tools, context, options))
  }

  #ended(entry: Seen, place: string, how: Partial<WatchedStick>): void {
    entry.stick = { ...workingStick(place, this.#parts.tools.now()), ...how }
  }

  #isFree(place: string): Promise<boolean> {
    return isUnclaimed(this.#parts.tools, place).catch(() => true)
  }
}

function nextFor(safeToRemove: boolean): string {
  return safeToRemove ? 'safe to remove' : 'another program goes on with it'
}
