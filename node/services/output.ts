// Where the output of an application goes that a command starts: it goes on to print when the command has ended, so a pipe that
// nobody reads would end it at its next line. The application's own log is its own affair; this file is evidence.
import { join } from 'node:path'
import { ensureDirectory, writeFileDurably } from '../../src/system/durable.ts'
import type { FileSystem } from '../../src/system/file-system.ts'
import { shortenLog } from '../../src/system/shorten-log.ts'
import type { AppWork } from '../apply/work.ts'

const LIMIT = 8 * 1024 * 1024 // bytes, looked at when the application is started
const RUNNING = { limit: 64 * 1024 * 1024, kept: LIMIT } // bytes, looked at while it runs

/** The file, in the home; what it held goes to a second one when it is large, and of that the end is kept. */
export async function outputFile(work: AppWork): Promise<string> {
  const { parts, app } = work
  const { fs, home } = parts
  const folder = join(home, 'output')
  await ensureDirectory(fs, folder, 0o700)
  const path = join(folder, `${app.name}.log`)
  const found = await fs.stat(path)
  if (found === null || found.size <= LIMIT) return path
  const former = `${path}.1`
  await fs.rename(path, former)
  await keepEnd(fs, former, found.size).catch((error: Error) => {
    // it is only evidence, and the disk may be full of it: no reason not to start
    work.note(`${former} could not be made shorter: ${error.message}\n`)
  })
  return path
}

/** An application that prints for months must not fill the disk: of what is large the end is kept. */
export async function shortenOutput(home: string, app: string): Promise<void> {
  await shortenLog(join(home, 'output', `${app}.log`), RUNNING).catch((error: NodeJS.ErrnoException) => {
    if (error.code !== 'ENOENT') throw error
  })
}

async function keepEnd(fs: FileSystem, path: string, size: number): Promise<void> {
  const reader = await fs.openFile(path)
  const end = await reader.read(size - LIMIT, LIMIT).finally(() => reader.close())
  await writeFileDurably(fs, path, end, 0o600)
}
