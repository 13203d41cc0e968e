// Keeps an application down from `stop` until the node itself starts it: a file in the work folder says so, through power cuts
// too, and the service makes the operating system heed it where it can. Without this a machine that starts again would let
// users into an application that is neither old nor new.
import { dirname } from 'node:path'
import { ensureDirectory, readFileLimited, writeFileDurably } from '../../src/system/durable.ts'
import type { Work } from '../apply/work.ts'
import type { Service } from './service.ts'

const LIMIT = 64 * 1024 // bytes of what a latch remembers

/** Down, and kept there. `leniently`: it may not be running, and what cannot be stopped is not a reason to give up. */
export async function bringDown(work: Work, service: Service, leniently: boolean): Promise<void> {
  const steps = [() => keepDown(work, service), () => service.stop(work)]
  for (const step of steps) {
    try {
      await step()
    } catch (error) {
      if (!leniently) throw error
      work.note(`stop: ${(error as Error).message}; it may not have been running`)
    }
  }
}

/** The node starts it itself, and nobody is kept from starting it any more. */
export async function bringUp(work: Work, service: Service): Promise<void> {
  await letUp(work, service)
  await service.start(work)
}

async function keepDown(work: Work, service: Service): Promise<void> {
  const { fs } = work.parts
  const { hold } = work.places
  // what was before is asked once: the second time, the answer would be our own doing
  if ((await fs.stat(hold)) === null) {
    const before = (await tolerantly(work, () => service.latch?.remember(work))) ?? ''
    await ensureDirectory(fs, dirname(hold))
    await writeFileDurably(fs, hold, Buffer.from(before))
  }
  await tolerantly(work, () => service.latch?.close(work, hold))
}

/** The operating system may start it again. Nothing to do where nothing keeps it down. */
export async function letUp(work: Work, service: Service): Promise<void> {
  const { fs } = work.parts
  const { hold } = work.places
  const before = await readFileLimited(fs, hold, LIMIT)
  if (before === null) return
  await service.latch?.open(work, Buffer.from(before).toString('utf8'))
  await fs.remove(hold)
  await fs.syncDirectory(dirname(hold))
}

/** A node that may not change the service still stops it; it is only not kept down. */
async function tolerantly<T>(work: Work, act: () => Promise<T> | undefined): Promise<T | undefined> {
  try {
    return await act()
  } catch (error) {
    work.note(`it cannot be kept down: ${(error as Error).message}`)
    return undefined
  }
}
