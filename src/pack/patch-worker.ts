// The search for matches in a thread of its own: seconds of computation that must not hold up a daemon's event loop.
// The same file is the worker's entry and what the encoder calls.
import { isMainThread, parentPort, Worker } from 'node:worker_threads'
import { matchPatch, type PatchStreams } from './patch-match.ts'

interface Job {
  old: Uint8Array
  fresh: Uint8Array
}

/** matchPatch in a worker thread. The two buffers must be shared memory, so that nothing is copied. */
export async function matchInWorker(
  old: Uint8Array,
  fresh: Uint8Array,
  signal?: AbortSignal
): Promise<PatchStreams> {
  signal?.throwIfAborted()
  return new Promise((resolve, reject) => {
    const worker = new Worker(new URL(import.meta.url))
    const stop = () => {
      void worker.terminate()
      reject(signal?.reason)
    }
    signal?.addEventListener('abort', stop, { once: true })
    worker.once('message', (streams: PatchStreams) => {
      signal?.removeEventListener('abort', stop)
      void worker.terminate()
      resolve(streams)
    })
    worker.once('error', reject)
    worker.once('exit', (code) => reject(new Error(`the search for matches ended with status ${code}`)))
    worker.postMessage({ old, fresh } satisfies Job)
  })
}

/** Shared memory, zeroed. */
export function sharedBytes(length: number): Uint8Array {
  return new Uint8Array(new SharedArrayBuffer(length))
}

if (!isMainThread && parentPort !== null) {
  const port = parentPort
  port.once('message', ({ old, fresh }: Job) => {
    const streams = matchPatch(old, fresh)
    port.postMessage(
      streams,
      Object.values(streams).map((bytes: Uint8Array) => bytes.buffer as ArrayBuffer)
    )
  })
}
