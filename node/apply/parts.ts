// What the engine needs of the machine, passed in: files, programs, time, randomness, HTTP, and where releases come from.
// No code; the real clock and HTTP client are in real-parts.ts.
import type { Manifest } from '../../src/release/manifest.ts'
import type { Release } from '../../src/release/release.ts'
import type { FileSystem } from '../../src/system/file-system.ts'
import type { Log } from '../../src/system/log.ts'
import type { ProcessRunner } from '../../src/system/process.ts'
import type { StateStore } from '../../src/system/state.ts'

export interface Clock {
  /** ms since the epoch */
  now(): number
  sleep(milliseconds: number): Promise<void>
}

/** Puts a release's files into an empty directory that exists, verified; gives their list. Base bytes may come from `live`. */
export type Stager = (
  item: { module: string; track: string; from: string | null; release: Release },
  into: string,
  base: { live: string; manifest: Manifest } | null
) => Promise<Manifest>

export interface HttpAnswer {
  status: number
  /** the first part of the body, as text */
  body: string
  type: string
}

/** One GET that follows no redirect and keeps no more than `limit` bytes. Rejects when nothing answers within `timeout` ms. */
export interface HttpClient {
  get(url: string, options: { timeout: number; limit: number }): Promise<HttpAnswer>
}

export interface EngineParts {
  fs: FileSystem
  runner: ProcessRunner
  state: StateStore
  clock: Clock
  /** `length` random bytes, for names */
  random(length: number): Uint8Array
  log: Log
  http: HttpClient
  stage: Stager
  platform: NodeJS.Platform
  /** linux-x64, …, for `compat.platform` */
  platforms: readonly string[]
  /** the node's own environment, of which commands get a clean minimum */
  environment: Readonly<Record<string, string | undefined>>
  /** where relative programs are looked for after the app's folder */
  home: string
}
