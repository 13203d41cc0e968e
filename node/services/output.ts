// Where the output of an application goes that a command starts: it goes on to print when the command has ended, so a pipe that
// nobody reads would end it at its next line. The application's own log is its own affair; this file is evidence.
import { join } from 'node:path'
import { ensureDirectory } from '../../src/system/durable.ts'
import type { AppWork } from '../apply/work.ts'

const LIMIT = 8 * 1024 * 1024 // bytes, looked at when the application is started

/** The file, in the home; what it held goes to a second one when it is large. */
export async function outputFile({ parts, app }: AppWork): Promise<string> {
  const { fs, home } = parts
  const folder = join(home, 'output')
  await ensureDirectory(fs, folder, 0o700)
  const path = join(folder, `${app.name}.log`)
  const found = await fs.stat(path)
  if (found !== null && found.size > LIMIT) await fs.rename(path, `${path}.1`)
  return path
}
