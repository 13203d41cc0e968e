// A log that a running program appends to is made shorter where it lies: the program keeps the file open, so another in its
// place would get nothing.
import { appendFile, open, truncate } from 'node:fs/promises'

/** Keeps the last `kept` bytes of a file above `limit` bytes. What is printed in that very moment may be lost. */
export async function shortenLog(
  path: string,
  { limit, kept }: { limit: number; kept: number }
): Promise<boolean> {
  const file = await open(path, 'r')
  let end: Buffer
  try {
    const { size } = await file.stat()
    if (size <= limit) return false
    end = Buffer.alloc(kept)
    const { bytesRead } = await file.read(end, 0, kept, size - kept)
    end = end.subarray(0, bytesRead)
  } finally {
    await file.close()
  }
  await truncate(path, 0)
  await appendFile(path, end)
  return true
}
