// A home while one process works on it: locked before it is opened, and let go whatever became of the work.
import { type HomePaths, lockHome } from '../system/home.ts'

/** Opens the home under its lock, does `work`, closes it. Throws HOME_LOCKED, HOME_MISSING, HOME_NOT_OWNER, and what they throw. */
export async function withHome<App extends { close(): Promise<void> }, Result>(
  paths: HomePaths,
  open: () => Promise<App>,
  work: (app: App) => Promise<Result>
): Promise<Result> {
  const lock = await lockHome(paths)
  try {
    const app = await open()
    try {
      return await work(app)
    } finally {
      await app.close()
    }
  } finally {
    await lock.release()
  }
}

/** How long a daemon works: returns when `signal` aborts. */
export function untilStopped(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve()
    else signal.addEventListener('abort', () => resolve(), { once: true })
  })
}
