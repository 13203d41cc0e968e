// Asks peers for single blocks of a core and says when they are here. Waits for peers for as long as it takes; what came
// stays, so a second try goes on at the block.
import type Hypercore from 'hypercore'
import { ChasquiError } from '../errors.ts'

export interface DownloadOptions {
  signal: AbortSignal
  /** Called for each block that arrives. */
  onBlock?(index: number): void
}

/** Returns when all `indexes` are here. Throws CANCELLED. */
export async function downloadBlocks(
  core: Hypercore,
  indexes: readonly number[],
  options: DownloadOptions
): Promise<void> {
  if (indexes.length === 0) return
  const wanted = new Set(indexes)
  const count = (index: number) => {
    if (wanted.delete(index)) options.onBlock?.(index)
  }
  const session = core.session()
  await session.ready()
  session.on('download', count)
  const download = session.download({ blocks: [...indexes] })
  try {
    await whileNotAborted(download.done(), options.signal)
  } finally {
    session.removeListener('download', count)
    download.destroy()
    await session.close()
  }
}

async function whileNotAborted(work: Promise<unknown>, signal: AbortSignal): Promise<void> {
  let stop = () => {}
  const aborted = new Promise<never>((_, reject) => {
    stop = () => reject(new ChasquiError('CANCELLED', 'the download was stopped'))
    if (signal.aborted) stop()
    else signal.addEventListener('abort', stop, { once: true })
  })
  try {
    await Promise.race([work, aborted])
  } finally {
    signal.removeEventListener('abort', stop)
  }
}
