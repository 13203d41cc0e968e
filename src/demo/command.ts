// `chasqui demo`: makes a folder, tells the story in it with real processes on loopback, and leaves nothing behind.
import { mkdir, mkdtemp, readdir, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { Command } from 'commander'
import { formatDuration } from '../cli/output.ts'
import { act } from '../cli/program.ts'
import { ChasquiError } from '../errors.ts'
import { type Scene, TILL_MODULE } from './acts.ts'
import { Narration } from './narration.ts'
import { Processes } from './processes.ts'
import { tellStory } from './story.ts'
import { summaryTable } from './telling.ts'

export function demoCommand(): Command {
  const command = new Command('demo')
    .description('a publisher, three branches and a stick on this machine: what Chasqui does, in a minute')
    .option('--dir <dir>', 'where it happens: a folder that is empty or not there yet')
    .option('--keep', 'keep everything running until Ctrl-C, and the folder after that')
    .option('--no-open', 'open no browser')
  return act(command, async ({ output, signal }, options) => {
    const dir = await makeFolder(typeof options.dir === 'string' ? options.dir : undefined)
    const keep = options.keep === true
    const narration = new Narration(output)
    const scene: Scene = { dir, narration, processes: new Processes(join(dir, 'compiled')), closers: [] }
    try {
      const branches = await untilAborted(signal, tellStory(scene))
      const ms = Math.round(narration.elapsed)
      const text = `\n${summaryTable(TILL_MODULE, branches)}\n\nAll of it in ${formatDuration(ms)}.`
      output.result({ dir: keep ? dir : null, steps: narration.steps, branches, ms }, text)
      if (keep) await waitForEnd(signal, () => output.note(`everything is in ${dir}; Ctrl-C ends it`))
    } finally {
      await closeAll(scene)
      if (!keep) await rm(dir, { recursive: true, force: true, maxRetries: 5 })
    }
    return undefined
  })
}

async function makeFolder(wanted: string | undefined): Promise<string> {
  if (wanted === undefined) return mkdtemp(join(tmpdir(), 'chasqui-demo-'))
  const dir = resolve(wanted)
  await mkdir(dir, { recursive: true })
  if ((await readdir(dir)).length > 0) {
    throw new ChasquiError('USAGE', `${dir} is not empty`, { hint: 'name another folder with --dir' })
  }
  return dir
}

function untilAborted<T>(signal: AbortSignal, work: Promise<T>): Promise<T> {
  const aborted = new Promise<never>((_, reject) => {
    signal.addEventListener('abort', () => reject(new ChasquiError('CANCELLED', 'the demo was stopped')))
  })
  return Promise.race([work, aborted])
}

function waitForEnd(signal: AbortSignal, announce: () => void): Promise<void> {
  announce()
  return new Promise((resolve) => {
    const pulse = setInterval(() => undefined, 60_000)
    signal.addEventListener('abort', () => {
      clearInterval(pulse)
      resolve()
    })
  })
}

/** What does not close must not keep the rest open. */
async function closeAll({ processes, closers }: Scene): Promise<void> {
  await processes.close()
  for (const close of closers.reverse()) await close().catch(() => undefined)
}
