#!/usr/bin/env node
// Launcher: finds a Node that can run Chasqui (>= 24) and hands over to bin/main.
// Plain JavaScript that any Node from 12 on can parse; it may do nothing else.
import { spawn } from 'node:child_process'
import { existsSync } from 'node:fs'
import module, { createRequire } from 'node:module'
import { constants, homedir } from 'node:os'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'

const NEEDED = 24
const CACHED_AFTER = 5000 // milliseconds until everything that a start needs is compiled
const here = dirname(fileURLToPath(import.meta.url))

if (Number(process.versions.node.split('.')[0]) >= NEEDED) {
  restartThrifty()
  // compiled code is kept between runs: a command starts in half the time
  const cache = process.env.NODE_COMPILE_CACHE === undefined ? cacheFolder() : null
  if (cache !== null) module.enableCompileCache(cache)
  const source = join(here, 'main.ts')
  // a daemon that is killed keeps it too
  setTimeout(() => module.flushCompileCache(), CACHED_AFTER).unref()
  await import(existsSync(source) ? './main.ts' : './main.js')
} else {
  runOn(ownNode())
}

/**
 * A daemon starts over, in the same process, with an allocator that gives memory back, and with the right to ask for a
 * garbage collection when it rests (docs/decisions/0004-daemon-memory.md). Elsewhere than on Linux it goes on as it is.
 */
function restartThrifty() {
  // options may stand before it
  const isDaemon = process.argv.slice(3).includes('run')
  const isPossible = process.platform === 'linux' && typeof process.execve === 'function'
  if (!isDaemon || !isPossible || process.env.MALLOC_ARENA_MAX !== undefined) return
  const thrift = {
    MALLOC_ARENA_MAX: '1',
    MALLOC_TRIM_THRESHOLD_: '131072',
    MALLOC_MMAP_THRESHOLD_: '32768'
  }
  const flags = ['--disable-warning=ExperimentalWarning', '--expose-gc']
  const args = [process.execPath, ...flags, ...process.execArgv, ...process.argv.slice(1)]
  process.removeAllListeners('warning')
  process.execve(process.execPath, args, { ...process.env, ...thrift })
}

/**
 * Where compiled code is kept: a folder of this user, not the shared one of Node, into which others could put code. Null for
 * a user who has none.
 */
function cacheFolder() {
  const windows = process.env.LOCALAPPDATA
  try {
    const base = process.env.XDG_CACHE_HOME || (windows ? join(windows, 'cache') : join(homedir(), '.cache'))
    return join(base, 'chasqui')
  } catch {
    return null
  }
}

/** The Node 24 that the npm package `node` brought along, or null. */
function ownNode() {
  try {
    const folder = dirname(createRequire(import.meta.url).resolve('node/package.json'))
    const binary = join(folder, 'bin', process.platform === 'win32' ? 'node.exe' : 'node')
    return existsSync(binary) ? binary : null
  } catch {
    return null
  }
}

function runOn(binary) {
  if (binary === null) {
    console.error(
      `chasqui: NODE_TOO_OLD: this is Node ${process.versions.node}, Chasqui needs Node ${NEEDED} or newer`
    )
    console.error('hint: run "npm ci" in the Chasqui folder (it brings its own Node), or install Node 24')
    process.exitCode = 2
    return
  }
  const child = spawn(binary, process.argv.slice(1), { stdio: 'inherit' })
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.on(signal, () => child.kill(signal))
  child.on('error', (error) => {
    console.error(`chasqui: UNEXPECTED: cannot start ${binary}: ${error.message}`)
    process.exitCode = 1
  })
  child.on('exit', (code, signal) => {
    process.exitCode = signal === null ? (code ?? 1) : 128 + (constants.signals[signal] ?? 0)
  })
}
