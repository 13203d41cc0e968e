// Puts one fault at one operation: every call of the file system, of a program and of the journal is counted, and at the
// chosen one the fault happens. A kill is an error that nothing catches and after which nothing works until the restart.
import type { FileReader, FileSystem, FileWriter } from '../../src/system/file-system.ts'
import type { ProcessRunner } from '../../src/system/process.ts'
import type { StateStore } from '../../src/system/state.ts'

export const FAULTS = [
  'kill before',
  'kill after',
  'EIO',
  'ENOSPC',
  'EBUSY',
  'torn write',
  'power cut'
] as const
export type Fault = (typeof FAULTS)[number]

/** Which operation, counted from 1. */
export interface Injection {
  at: number
  fault: Fault
  /** it stays, for every operation of this kind, in every process, until somebody repairs it */
  stays?: boolean
}

/** What can stay: a kill or a power cut happens once. */
export function canStay(fault: Fault): boolean {
  return ['EIO', 'ENOSPC', 'EBUSY'].includes(fault)
}

/** Operations that a full disk refuses. */
const NEEDS_SPACE = new Set(['createFile', 'write', 'sync', 'makeDirectory', 'copyFile', 'put'])

/** What a kind of operation can suffer: only writing can be torn or find the disk full. */
const CHANGES = new Set([
  ...[
    'createFile',
    'write',
    'sync',
    'makeDirectory',
    'makeLink',
    'copyFile',
    'linkFile',
    'copyOwner',
    'rename',
    'remove',
    'setMode'
  ],
  ...['syncDirectory', 'syncFile', 'syncTree', 'put', 'run']
])

export function applies(fault: Fault, operation: string): boolean {
  switch (fault) {
    case 'torn write':
      return operation === 'write'
    case 'ENOSPC':
    case 'kill before':
    case 'kill after':
    case 'power cut':
      // around a read, it is the same as at the change before it
      return CHANGES.has(operation)
    case 'EIO':
    case 'EBUSY':
      return true
  }
}

class Killed extends Error {}

function failure(fault: Fault, name: string): Error {
  return Object.assign(new Error(`${fault}: injected at ${name}`), { code: fault })
}

/** Counts operations and injects faults into whatever it wraps. */
export class Injector {
  /** names of the operations so far */
  readonly seen: string[] = []
  #injections: Injection[] = []
  #dead = false
  #wasPowerCut = false
  #broken: { fault: Fault; name: string } | null = null

  get isBroken(): boolean {
    return this.#broken !== null
  }

  /** Whatever stayed is mended. */
  repair(): void {
    this.#broken = null
  }

  /** Starts to count anew. */
  arm(...injections: Injection[]): void {
    this.seen.length = 0
    this.#injections = injections
    this.#dead = false
    this.#wasPowerCut = false
  }

  get isDead(): boolean {
    return this.#dead
  }

  get wasPowerCut(): boolean {
    return this.#wasPowerCut
  }

  async #operation<T>(name: string, act: () => Promise<T>, tear?: () => Promise<void>): Promise<T> {
    if (this.#dead) return new Promise(() => undefined)
    this.seen.push(name)
    this.#refuseBroken(name)
    const injection = this.#injections.find((one) => one.at === this.seen.length)
    if (injection === undefined || !applies(injection.fault, name)) return act()
    switch (injection.fault) {
      case 'kill before':
        return this.#die(false)
      case 'kill after':
      case 'power cut':
        await act().catch(() => undefined)
        return this.#die(injection.fault === 'power cut')
      case 'torn write':
        await tear?.()
        return this.#die(true)
      case 'EIO':
      case 'ENOSPC':
      case 'EBUSY':
        if (injection.stays === true) this.#broken = { fault: injection.fault, name }
        throw failure(injection.fault, name)
    }
  }

  #refuseBroken(name: string): void {
    if (this.#broken === null) return
    const { fault, name: broken } = this.#broken
    const isHit = fault === 'ENOSPC' ? NEEDS_SPACE.has(name) : name === broken
    if (isHit) throw failure(fault, name)
  }

  /** From here on nothing that the process asks for happens, and nothing answers. */
  #die(isPowerCut: boolean): Promise<never> {
    this.#dead = true
    this.#wasPowerCut = isPowerCut
    this.onDeath(new Killed())
    return new Promise(() => undefined)
  }

  /** Told when the process is gone; set by whoever waits for it. */
  onDeath: (error: Error) => void = () => undefined

  fileSystem(fs: FileSystem): FileSystem {
    const op = <T>(name: string, act: () => Promise<T>) => this.#operation(name, act)
    const writer = (inner: FileWriter): FileWriter => ({
      write: (bytes) =>
        this.#operation(
          'write',
          () => inner.write(bytes),
          () => inner.write(bytes.subarray(0, bytes.length >> 1))
        ),
      sync: () => op('sync', () => inner.sync()),
      close: () => op('close', () => inner.close())
    })
    const reader = (inner: FileReader): FileReader => ({
      read: (position, length) => op('read', () => inner.read(position, length)),
      close: () => op('close', () => inner.close())
    })
    return {
      stat: (path) => op('stat', () => fs.stat(path)),
      list: (path) => op('list', () => fs.list(path)),
      openFile: async (path) => reader(await op('openFile', () => fs.openFile(path))),
      readLink: (path) => op('readLink', () => fs.readLink(path)),
      realPath: (path) => op('realPath', () => fs.realPath(path)),
      identities: (path) => op('identities', () => fs.identities(path)),
      createFile: async (path, mode) => writer(await op('createFile', () => fs.createFile(path, mode))),
      makeDirectory: (path, mode) => op('makeDirectory', () => fs.makeDirectory(path, mode)),
      makeLink: (target, path) => op('makeLink', () => fs.makeLink(target, path)),
      copyFile: (from, to) => op('copyFile', () => fs.copyFile(from, to)),
      linkFile: (from, to) => op('linkFile', () => fs.linkFile(from, to)),
      copyOwner: (from, to) => op('copyOwner', () => fs.copyOwner(from, to)),
      rename: (from, to) => op('rename', () => fs.rename(from, to)),
      remove: (path) => op('remove', () => fs.remove(path)),
      digest: (path) => op('digest', () => fs.digest(path)),
      setMode: (path, mode) => op('setMode', () => fs.setMode(path, mode)),
      syncDirectory: (path) => op('syncDirectory', () => fs.syncDirectory(path)),
      syncFile: (path) => op('syncFile', () => fs.syncFile(path)),
      dropCached: (path) => op('dropCached', () => fs.dropCached(path)),
      syncTree: (path) => op('syncTree', () => fs.syncTree(path)),
      isWritable: (path) => op('isWritable', () => fs.isWritable(path)),
      freeSpace: (path) => op('freeSpace', () => fs.freeSpace(path))
    }
  }

  runner(inner: ProcessRunner): ProcessRunner {
    return {
      run: (request) => this.#operation('run', () => inner.run(request)),
      end: (mark) => inner.end(mark)
    }
  }

  state(inner: StateStore): StateStore {
    return {
      get: (key) => this.#operation('get', () => inner.get(key)),
      put: (changes) => this.#operation('put', () => inner.put(changes)),
      list: (prefix, options) => this.#operation('state list', () => inner.list(prefix, options)),
      close: () => inner.close()
    }
  }
}
