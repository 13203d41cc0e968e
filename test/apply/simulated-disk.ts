// A disk in memory for what no real one can be made to do on request: to lose what was not synced. Directory changes are one
// ordered log, as on a journaling file system: a sync of anything makes all earlier changes of names durable; a power cut
// loses the rest of the log, and the content of files that were never synced.
import { createHash } from 'node:crypto'
import { posix } from 'node:path'
import type { FileStat, FileSystem } from '../../src/system/file-system.ts'

interface FileNode {
  kind: 'file'
  id: number
  content: Uint8Array
  /** what a power cut leaves of the content; null: nothing was synced */
  durable: Uint8Array | null
  mode: number
}
interface LinkNode {
  kind: 'symlink'
  id: number
  target: string
}
interface FolderNode {
  kind: 'directory'
  id: number
  entries: Map<string, DiskNode>
  mode: number
}
type DiskNode = FileNode | LinkNode | FolderNode

function failure(code: string, path: string): NodeJS.ErrnoException {
  return Object.assign(new Error(`${code}: ${path}`), { code })
}

export class SimulatedDisk implements FileSystem {
  #root: FolderNode
  /** the names as a power cut leaves them */
  #durable: FolderNode
  #nextId = 1
  #changed = false
  free = 2 ** 40

  constructor() {
    this.#root = { kind: 'directory', id: 0, entries: new Map(), mode: 0o755 }
    this.#durable = this.#copyNames(this.#root)
  }

  /** Another disk with the same, all of it durable. */
  clone(): SimulatedDisk {
    const copy = new SimulatedDisk()
    const cloneNode = (node: DiskNode): DiskNode => {
      if (node.kind === 'file') return { ...node, durable: node.content }
      if (node.kind === 'symlink') return node
      const entries = new Map([...node.entries].map(([name, inside]) => [name, cloneNode(inside)]))
      return { ...node, entries }
    }
    copy.#root = cloneNode(this.#root) as FolderNode
    copy.#nextId = this.#nextId
    copy.#changed = true
    copy.#settle()
    return copy
  }

  /** Everything that was not synced is gone: names go back to the last sync, unsynced content is cut to half or to nothing. */
  cutPower(torn: 'nothing' | 'half' = 'nothing'): void {
    const lose = (node: DiskNode) => {
      if (node.kind === 'directory') for (const inside of node.entries.values()) lose(inside)
      if (node.kind !== 'file' || node.durable === node.content) return
      const kept = torn === 'half' ? node.content.subarray(0, node.content.length >> 1) : new Uint8Array()
      node.content = node.durable ?? kept
      node.durable = node.content
    }
    this.#root = this.#copyNames(this.#durable)
    this.#changed = false
    lose(this.#root)
  }

  /** Files and links beneath a path, as text, with the executable bit: what two states are compared by. */
  snapshot(path: string): Record<string, string> {
    const found: Record<string, string> = {}
    const walk = (node: DiskNode, name: string) => {
      if (node.kind === 'directory') {
        for (const [inside, child] of [...node.entries].sort()) {
          walk(child, name === '' ? inside : `${name}/${inside}`)
        }
      } else if (node.kind === 'symlink') found[name] = `-> ${node.target}`
      else found[name] = `${node.mode & 0o100 ? 'x ' : ''}${Buffer.from(node.content).toString('latin1')}`
    }
    const node = this.#find(path)
    if (node !== null) walk(node, '')
    return found
  }

  /** Puts a file there with all folders above it, durable. */
  plant(path: string, content: string, mode = 0o644): void {
    let folder = this.#root
    for (const part of posix.dirname(path).split('/').filter(Boolean)) {
      let inside = folder.entries.get(part)
      if (inside === undefined) {
        inside = { kind: 'directory', id: this.#nextId++, entries: new Map(), mode: 0o755 }
        folder.entries.set(part, inside)
      }
      if (inside.kind !== 'directory') throw failure('ENOTDIR', path)
      folder = inside
    }
    const bytes = Buffer.from(content, 'latin1')
    folder.entries.set(posix.basename(path), {
      kind: 'file',
      id: this.#nextId++,
      content: bytes,
      durable: bytes,
      mode
    })
    this.#changed = true
    this.#settle()
  }

  async stat(path: string): Promise<FileStat | null> {
    const node = this.#find(path)
    if (node === null) return null
    return {
      kind: node.kind,
      size: node.kind === 'file' ? node.content.length : 0,
      mode: node.kind === 'symlink' ? 0o777 : node.mode,
      owner: { user: 0, group: 0 },
      modifiedAt: 0,
      device: 1,
      inode: node.id
    }
  }

  async list(path: string): Promise<string[]> {
    return [...this.#folder(path).entries.keys()].sort()
  }

  async openFile(path: string) {
    const node = this.#file(path)
    return {
      read: async (position: number, length: number) => node.content.subarray(position, position + length),
      close: async () => undefined
    }
  }

  async readLink(path: string): Promise<string> {
    const node = this.#find(path)
    if (node?.kind !== 'symlink') throw failure('EINVAL', path)
    return node.target
  }

  async createFile(path: string, mode: number) {
    const node: FileNode = {
      kind: 'file',
      id: this.#nextId++,
      content: new Uint8Array(),
      durable: null,
      mode
    }
    this.#add(path, node)
    return {
      write: async (bytes: Uint8Array) => {
        node.content = Buffer.concat([node.content, bytes])
      },
      sync: async () => {
        node.durable = node.content
        this.#settle()
      },
      close: async () => undefined
    }
  }

  async makeDirectory(path: string, mode: number): Promise<void> {
    this.#add(path, { kind: 'directory', id: this.#nextId++, entries: new Map(), mode })
  }

  async makeLink(target: string, path: string): Promise<void> {
    this.#add(path, { kind: 'symlink', id: this.#nextId++, target })
  }

  async copyFile(from: string, to: string): Promise<void> {
    const { content, mode } = this.#file(from)
    this.#add(to, { kind: 'file', id: this.#nextId++, content, durable: null, mode })
  }

  async digest(path: string): Promise<{ sha256: string; bytes: number }> {
    const { content } = this.#file(path)
    return { sha256: createHash('sha256').update(content).digest('hex'), bytes: content.length }
  }

  async linkFile(from: string, to: string): Promise<void> {
    this.#add(to, this.#file(from))
  }

  async copyOwner(): Promise<boolean> {
    return false
  }

  async rename(from: string, to: string): Promise<void> {
    const node = this.#find(from)
    if (node === null) throw failure('ENOENT', from)
    const there = this.#find(to)
    if (there !== null && there !== node) {
      if (there.kind === 'directory') {
        if (node.kind !== 'directory') throw failure('EISDIR', to)
        if (there.entries.size > 0) throw failure('ENOTEMPTY', to)
      } else if (node.kind === 'directory') throw failure('ENOTDIR', to)
    }
    const target = this.#folder(posix.dirname(to))
    this.#folder(posix.dirname(from)).entries.delete(posix.basename(from))
    target.entries.set(posix.basename(to), node)
    this.#changed = true
  }

  async remove(path: string): Promise<void> {
    const node = this.#find(path)
    if (node === null) throw failure('ENOENT', path)
    if (node.kind === 'directory' && node.entries.size > 0) throw failure('ENOTEMPTY', path)
    this.#folder(posix.dirname(path)).entries.delete(posix.basename(path))
    this.#changed = true
  }

  async setMode(path: string, mode: number): Promise<void> {
    const node = this.#find(path)
    if (node === null) throw failure('ENOENT', path)
    if (node.kind !== 'symlink') node.mode = mode
  }

  async syncDirectory(path: string): Promise<void> {
    this.#folder(path)
    this.#settle()
  }

  async syncFile(path: string): Promise<void> {
    const node = this.#file(path)
    node.durable = node.content
    this.#settle()
  }

  async syncTree(path: string): Promise<void> {
    const sync = (node: DiskNode) => {
      if (node.kind === 'directory') for (const inside of node.entries.values()) sync(inside)
      if (node.kind === 'file') node.durable = node.content
    }
    sync(this.#folder(path))
    this.#settle()
  }

  async isWritable(): Promise<boolean> {
    return true
  }

  async freeSpace(): Promise<number> {
    return this.free
  }

  /** All changes of names so far are durable. */
  #settle(): void {
    if (this.#changed) this.#durable = this.#copyNames(this.#root)
    this.#changed = false
  }

  #copyNames(folder: FolderNode): FolderNode {
    const entries = new Map<string, DiskNode>()
    for (const [name, node] of folder.entries) {
      entries.set(name, node.kind === 'directory' ? this.#copyNames(node) : node)
    }
    return { ...folder, entries }
  }

  #add(path: string, node: DiskNode): void {
    const { entries } = this.#folder(posix.dirname(path))
    if (entries.has(posix.basename(path))) throw failure('EEXIST', path)
    entries.set(posix.basename(path), node)
    this.#changed = true
  }

  #find(path: string): DiskNode | null {
    let node: DiskNode = this.#root
    for (const part of posix.normalize(path).split('/').filter(Boolean)) {
      if (node.kind !== 'directory') return null
      const inside = node.entries.get(part)
      if (inside === undefined) return null
      node = inside
    }
    return node
  }

  #folder(path: string): FolderNode {
    const node = this.#find(path)
    if (node === null) throw failure('ENOENT', path)
    if (node.kind !== 'directory') throw failure('ENOTDIR', path)
    return node
  }

  #file(path: string): FileNode {
    const node = this.#find(path)
    if (node === null) throw failure('ENOENT', path)
    if (node.kind !== 'file') throw failure('EISDIR', path)
    return node
  }
}
