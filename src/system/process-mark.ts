// Knows a process again after the one that started it has died: its number and the moment of its start, which together are
// never used twice between two starts of the machine. Linux only; elsewhere nothing is known and nothing is ended.
import { readFile } from 'node:fs/promises'
import { setTimeout as sleep } from 'node:timers/promises'

export interface ProcessMark {
  pid: number
  /** clock ticks since the machine's start, with the machine's start; empty where it cannot be known */
  startedAt: string
}

const PATIENCE = 5_000 // milliseconds from SIGTERM to SIGKILL
const POLL = 50 // milliseconds

/** What tells the process with this number from a later one. */
export async function markProcess(pid: number): Promise<ProcessMark> {
  return { pid, startedAt: await startOf(pid) }
}

async function startOf(pid: number): Promise<string> {
  try {
    const [stat, boot] = await Promise.all([
      readFile(`/proc/${pid}/stat`, 'utf8'),
      readFile('/proc/sys/kernel/random/boot_id', 'utf8')
    ])
    // the name in parentheses may hold anything: fields are counted after the last one
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
    return fields[0] === 'Z' ? '' : `${boot.trim()} ${fields[19]}`
  } catch {
    return ''
  }
}

/** Ends a marked process with its group, if it is still the same one: asks, waits, then insists. */
export async function endProcess(mark: ProcessMark): Promise<void> {
  const isAlive = async () => mark.startedAt !== '' && (await startOf(mark.pid)) === mark.startedAt
  for (const signal of ['SIGTERM', 'SIGKILL'] as const) {
    if (!(await isAlive())) return
    try {
      process.kill(-mark.pid, signal)
    } catch {
      return // it ended in between
    }
    for (let waited = 0; waited < PATIENCE && (await isAlive()); waited += POLL) await sleep(POLL)
  }
}
