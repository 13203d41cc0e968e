// The vectors of docs/vectors: one scenario per file, with its verdict. Nothing of src stands here.
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'

const FOLDER = join(import.meta.dirname, '..', '..', 'docs', 'vectors')

export interface VectorFile {
  file: string
  comment: string
}

/** Every scenario of one format, in the order of its file names. */
export function readVectors<T>(format: string): (T & VectorFile)[] {
  const names = readdirSync(join(FOLDER, format)).filter((name) => name.endsWith('.json'))
  return names.sort().map((file) => ({ file, ...readVector<T & { comment: string }>(`${format}/${file}`) }))
}

/** One file of the folder. */
export function readVector<T>(path: string): T {
  return JSON.parse(readFileSync(join(FOLDER, path), 'utf8')) as T
}
