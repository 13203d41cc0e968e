// Did an Odoo upgrade work? Its exit status alone does not say: half of what goes wrong ends with 0. Pure.

/** Lines that Odoo logs as information or warning when it has not done what it was asked for. */
const SILENT_FAILURES = [
  'invalid module names, ignored',
  'not installable, skipped',
  'manifest not found',
  'Missing not-null constraint',
  'Transient module states were reset'
]
const LEVEL = /^\S+ \S+ \d+ (?:ERROR|CRITICAL) /
const LOG_LINE = /^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d,\d+ \d+ [A-Z]+ /

/** What is wrong with the log and the status of `odoo -u … --stop-after-init`; null: nothing. */
export function judgeUpgrade(status: number, log: string): string | null {
  const lines = log.split(/\r?\n/)
  const error = firstError(lines)
  if (status !== 0) return `Odoo ended with status ${status}${error === undefined ? '' : `: ${error}`}`
  if (error !== undefined) return `Odoo logged an error: ${error}`
  const silent = lines.find((line) => SILENT_FAILURES.some((words) => line.includes(words)))
  if (silent !== undefined) return `Odoo did not do it: ${withoutPrefix(silent)}`
  return log.includes('Modules loaded.') ? null : 'Odoo ended before its modules were loaded'
}

/** Of the system, in the languages of servers where it was met: PostgreSQL passes on what its own says. */
const FULL = [
  'No space left on device',
  'No queda espacio en el dispositivo',
  'Não há espaço disponível no dispositivo'
]

/** PostgreSQL or Python could not write. */
export function wasDiskFull(log: string): boolean {
  return FULL.some((text) => log.includes(text)) || /could not (?:extend|write) (?:to )?file/.test(log)
}

/** An error line with the last line of its traceback, which says what happened. */
function firstError(lines: readonly string[]): string | undefined {
  const isOdooLog = lines.some((line) => LOG_LINE.test(line))
  const isError = (line: string) => (isOdooLog ? LEVEL.test(line) : / (ERROR|CRITICAL) /.test(line))
  const at = lines.findIndex(isError)
  const line = lines[at]
  if (line === undefined) return undefined
  const end = lines.findIndex((one, index) => index > at && LOG_LINE.test(one))
  const traceback = lines.slice(at + 1, end < 0 ? lines.length : end).filter((one) => one.trim() !== '')
  const last = traceback.at(-1)
  return [withoutPrefix(line), ...(last === undefined ? [] : [last.trim()])].join(' – ').slice(0, 500)
}

function withoutPrefix(line: string): string {
  return line.replace(/^\S+ \S+ \d+ [A-Z]+ /, '').slice(0, 300)
}

/** The version that Odoo keeps for a manifest's version: short ones get the series in front. */
export function isRecordedVersion(manifestVersion: string, latest: string, series: string): boolean {
  return latest === manifestVersion || latest === `${series}.${manifestVersion}`
}
