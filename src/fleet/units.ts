// Units as people write them in chasqui.toml: "30 s", "3 days", "20 GiB". Pure; unknown units are undefined, the caller says so.

const DURATIONS: Readonly<Record<string, number>> = {
  ms: 1,
  s: 1000,
  second: 1000,
  seconds: 1000,
  min: 60_000,
  minute: 60_000,
  minutes: 60_000,
  h: 3_600_000,
  hour: 3_600_000,
  hours: 3_600_000,
  day: 86_400_000,
  days: 86_400_000,
  week: 604_800_000,
  weeks: 604_800_000
}

const SIZES: Readonly<Record<string, number>> = {
  B: 1,
  kB: 1000,
  MB: 1000 ** 2,
  GB: 1000 ** 3,
  TB: 1000 ** 4,
  KiB: 1024,
  MiB: 1024 ** 2,
  GiB: 1024 ** 3,
  TiB: 1024 ** 4
}

/** "90 s" → 90000 milliseconds; undefined when it is not a duration. */
export function parseDuration(text: string): number | undefined {
  return parseUnit(text, DURATIONS)
}

/** "20 GiB" → bytes; undefined when it is not a size. */
export function parseSize(text: string): number | undefined {
  return parseUnit(text, SIZES)
}

function parseUnit(text: string, units: Readonly<Record<string, number>>): number | undefined {
  const match = /^(\d{1,12}(?:\.\d{1,3})?) ?([A-Za-z]+)$/.exec(text.trim())
  const unit = match?.[2]
  if (unit === undefined || !Object.hasOwn(units, unit)) return undefined
  const value = Number(match?.[1]) * (units[unit] ?? 0)
  return Number.isSafeInteger(Math.round(value)) ? Math.round(value) : undefined
}
