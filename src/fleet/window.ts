// When an update may be applied: windows by weekday and hour in a time zone, with daylight saving; what is
// written in chasqui.toml. Pure: the time is an argument, and a window is a fact, not a timer.

export type Weekday = 0 | 1 | 2 | 3 | 4 | 5 | 6 // Sunday is 0

/** From `start` to `end`, minutes after midnight of local time; `end` ≤ `start` runs into the next day. */
export interface Window {
  /** days on which it starts */
  days: readonly Weekday[]
  start: number
  end: number
}

export type MissedPolicy = { kind: 'at-boot' } | { kind: 'ask' } | { kind: 'after'; days: number }

const DAY = 86_400_000 // milliseconds
const MINUTE = 60_000 // milliseconds
const MINUTES_PER_DAY = 1440
const NAMES = ['sun', 'mon', 'tue', 'wed', 'thu', 'fri', 'sat']
const EVERY_DAY: readonly Weekday[] = [0, 1, 2, 3, 4, 5, 6]

/** "02:00-06:00", "mon-fri 22:00-05:00", "sat,sun 00:00-24:00". Throws Error with what was expected. */
export function parseWindows(texts: readonly string[]): Window[] {
  return texts.map(parseWindow)
}

function parseWindow(text: string): Window {
  const match = /^(?:([a-z,-]+) +)?(\d{2}):(\d{2}) ?- ?(\d{2}):(\d{2})$/i.exec(text.trim())
  const start = Number(match?.[2]) * 60 + Number(match?.[3])
  const end = Number(match?.[4]) * 60 + Number(match?.[5])
  const isValid =
    match !== null &&
    start < MINUTES_PER_DAY &&
    end <= MINUTES_PER_DAY &&
    Number(match[3]) < 60 &&
    Number(match[5]) < 60
  const days = match?.[1] === undefined ? EVERY_DAY : parseDays(match[1].toLowerCase())
  if (!isValid || days === undefined || start === end) {
    throw new Error('expected a window like "02:00-06:00" or "mon-fri 22:00-05:00"')
  }
  return { days, start, end }
}

function parseDays(text: string): Weekday[] | undefined {
  const found = new Set<Weekday>()
  for (const part of text.split(',')) {
    const [from, to = from, ...rest] = part.split('-').map((name) => NAMES.indexOf(name))
    if (from === undefined || to === undefined || from < 0 || to < 0 || rest.length > 0) return undefined
    for (let day = from; ; day = (day + 1) % 7) {
      found.add(day as Weekday)
      if (day === to) break
    }
  }
  return [...found].sort()
}

/** "at-boot", "ask", "after 3 days"; undefined for anything else. */
export function parseMissedPolicy(text: string): MissedPolicy | undefined {
  if (text === 'at-boot' || text === 'ask') return { kind: text }
  const days = /^after (\d{1,3}) days?$/.exec(text)?.[1]
  return days === undefined || Number(days) === 0 ? undefined : { kind: 'after', days: Number(days) }
}

export function isTimeZone(name: string): boolean {
  try {
    new Intl.DateTimeFormat('en', { timeZone: name })
    return true
  } catch {
    return false
  }
}

interface LocalTime {
  weekday: Weekday
  minute: number
}

/** Local weekday and minute of day at `now` (ms since the epoch); no zone is the machine's own. */
function localTime(now: number, timeZone: string | undefined): LocalTime {
  const parts = formatter(timeZone).formatToParts(now)
  const value = (type: string) => parts.find((part) => part.type === type)?.value ?? ''
  return {
    weekday: NAMES.indexOf(value('weekday').toLowerCase().slice(0, 3)) as Weekday,
    minute: Number(value('hour')) * 60 + Number(value('minute'))
  }
}

const formatters = new Map<string | undefined, Intl.DateTimeFormat>()

function formatter(timeZone: string | undefined): Intl.DateTimeFormat {
  let found = formatters.get(timeZone)
  if (found === undefined) {
    found = new Intl.DateTimeFormat('en-US', {
      ...(timeZone === undefined ? {} : { timeZone }),
      weekday: 'short',
      hour: '2-digit',
      minute: '2-digit',
      hourCycle: 'h23'
    })
    formatters.set(timeZone, found)
  }
  return found
}

/** True when one of the windows is open. No windows: always. An hour that the clock repeats is open twice, one that it skips never. */
export function isOpen(windows: readonly Window[] | undefined, now: number, timeZone?: string): boolean {
  if (windows === undefined || windows.length === 0) return true
  const local = localTime(now, timeZone)
  return windows.some((window) => covers(window, local))
}

function covers(window: Window, { weekday, minute }: LocalTime): boolean {
  const yesterday = ((weekday + 6) % 7) as Weekday
  if (window.start < window.end) {
    return window.days.includes(weekday) && minute >= window.start && minute < window.end
  }
  return (
    (window.days.includes(weekday) && minute >= window.start) ||
    (window.days.includes(yesterday) && minute < window.end)
  )
}

/** When a window next opens (ms since the epoch, on a whole minute), `now` itself when one is open; null when none does within 8 days. */
export function nextOpening(
  windows: readonly Window[] | undefined,
  now: number,
  timeZone?: string
): number | null {
  if (isOpen(windows, now, timeZone)) return now
  const first = Math.floor(now / MINUTE) * MINUTE + MINUTE
  for (let time = first; time < now + 8 * DAY; time += MINUTE) {
    if (isOpen(windows, time, timeZone)) return time
  }
  return null
}

/** When the window that was open last before `now` opened (`now` may still be in it); null when none was within 8 days. */
export function lastOpening(windows: readonly Window[], now: number, timeZone?: string): number | null {
  let opened: number | null = null
  for (let time = Math.floor(now / MINUTE) * MINUTE; time > now - 8 * DAY; time -= MINUTE) {
    if (isOpen(windows, time, timeZone)) opened = time
    else if (opened !== null) return opened
  }
  return opened
}
