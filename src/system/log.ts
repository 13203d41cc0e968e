// Logs: pino, JSON lines to a rotated file in the home, pretty on a TTY. Logs go to stderr or a file, never to stdout.
import pino from 'pino'
import pretty from 'pino-pretty'

export type Log = pino.Logger

export interface LogOptions {
  level: 'silent' | 'error' | 'warn' | 'info' | 'debug' | 'trace'
  /** human-readable lines in place of JSON */
  pretty: boolean
  colour: boolean
}

/** A log that writes to stderr. */
export function createLog(options: LogOptions): Log {
  const base = { level: options.level, base: null, timestamp: pino.stdTimeFunctions.isoTime }
  if (!options.pretty) return pino(base, pino.destination({ dest: 2, sync: true }))
  return pino(
    base,
    pretty({ destination: 2, sync: true, colorize: options.colour, translateTime: 'SYS:HH:MM:ss' })
  )
}

export const silentLog: Log = pino({ level: 'silent' })
