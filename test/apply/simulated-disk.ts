// A disk in memory for what no real one can be made to do on request: to lose what was not synced. Changes of names are one
// ordered log, as on a journaling file system: a sync of a folder makes durable what came before its own last change, and
// nothing else; a sync of a file, only its content. A power cut loses the rest of the log.
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
  /** the names that a power cut leaves */
  durable: Map<string, DiskNode>
  mode: number
}
/** One change of names: a rename has two parts, and they become durable together. */
type Change = { folder: FolderNode; name: string; node: DiskNode | null }[]
type DiskNode = FileNode | LinkNode | FolderNode

function failure(code: string, path: string): NodeJS.ErrnoException {
  return Object.assign(new Error(`${code}: ${path}`), { code })
}

export class SimulatedDisk implements FileSystem {
  #root: FolderNode
  #log: Change[] = []
  #nextId = 1
  free = 2 ** 40

  constructor() {
    this.#root = this.#newFolder(0o755)
  }

  /** Another disk with the same, all of it durable. */
  clone(): SimulatedDisk {
    const copy = new SimulatedDisk()
    const cloneNode = (node: DiskNode): DiskNode => {
      if (node.kind === 'file') return { ...node, durable: node.content }
      if (node.kind === 'symlink') return node
      const entries = new Map([...node.entries].map(([name, inside]) => [name, cloneNode(inside)]))
      return { ...node, entries, durable: new Map(entries) }
    }
    copy.#root = cloneNode(this.#root) as FolderNode
    copy.#nextId = this.#nextId
    return copy
  }

  /** Everything that was not synced is gone: names go back to the last sync, unsynced content is cut to half or to nothing. */
  cutPower(torn: 'nothing' | 'half' = 'nothing'): void {
    const lose = (node: DiskNode) => {
      if (node.kind === 'directory') {
        node.entries = new Map(node.durable)
        for (const inside of node.entries.values()) lose(inside)
      }
      if (node.kind !== 'file' || node.durable === node.content) return
      const kept = torn === 'half' ? node.content.subarray(0, node.content.length >> 1) : new Uint8Array()
      node.content = node.durable ?? kept
      node.durable = node.content
    }
    this.#log = []
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
        inside = this.#newFolder(0o755)
        this.#change({ folder, name: part, node: inside })
      }
      if (inside.kind !== 'directory') throw failure('ENOTDIR', path)
      folder = inside
    }
    const bytes = Buffer.from(content, 'latin1')
    const node: FileNode = { kind: 'file', id: this.#nextId++, content: bytes, durable: bytes, mode }
    this.#change({ folder, name: posix.basename(path), node })
    this.#settle(folder)
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
      inode: node.id,
      links: 1 // not counted here
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

  async realPath(path: string): Promise<string> {
    let at = '/'
    for (const part of path.split('/').filter(Boolean)) {
      at = posix.join(at, part)
      const node = this.#find(at)
      if (node === null) throw failure('ENOENT', path)
      if (node.kind === 'symlink') at = await this.realPath(posix.resolve(posix.dirname(at), node.target))
    }
    return at
  }

  async identities(path: string): Promise<Map<string, string>> {
    const found = new Map<string, string>()
    const walk = (node: FolderNode, prefix: string) => {
      for (const [name, inside] of node.entries) {
        const about = inside.kind === 'file' ? digestOf(inside.content) : ''
        found.set(prefix + name, [inside.id, inside.kind === 'symlink' ? '' : inside.mode, about].join(' '))
        if (inside.kind === 'directory') walk(inside, `${prefix}${name}/`)
      }
    }
    walk(this.#folder(path), '')
    return found
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
      },
      close: async () => undefined
    }
  }

  async makeDirectory(path: string, mode: number): Promise<void> {
    this.#add(path, this.#newFolder(mode))
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
    return { sha256: digestOf(content), bytes: content.length }
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
    this.#change(
      { folder: this.#folder(posix.dirname(from)), name: posix.basename(from), node: null },
      { folder: this.#folder(posix.dirname(to)), name: posix.basename(to), node }
    )
  }

  async remove(path: string): Promise<void> {
    const node = this.#find(path)
    if (node === null) throw failure('ENOENT', path)
    if (node.kind === 'directory' && node.entries.size > 0) throw failure('ENOTEMPTY', path)
    this.#change({ folder: this.#folder(posix.dirname(path)), name: posix.basename(path), node: null })
  }

  async setMode(path: string, mode: number): Promise<void> {
    const node = this.#find(path)
    if (node === null) throw failure('ENOENT', path)
    if (node.kind !== 'symlink') node.mode = mode
  }

  async syncDirectory(path: string): Promise<void> {
    this.#settle(this.#folder(path))
  }

  async dropCached(): Promise<boolean> {
    return false
  }

  async syncFile(path: string): Promise<void> {
    const node = this.#file(path)
    node.durable = node.content
  }

  async syncTree(path: string): Promise<void> {
    const sync = (node: DiskNode) => {
      if (node.kind === 'file') node.durable = node.content
      if (node.kind !== 'directory') return
      this.#settle(node)
      for (const inside of node.entries.values()) sync(inside)
    }
    sync(this.#folder(path))
  }

  async isWritable(): Promise<boolean> {
    return true
  }

  async freeSpace(): Promise<number> {
    return this.free
  }

  #newFolder(mode: number): FolderNode {
    return { kind: 'directory', id: this.#nextId++, entries: new Map(), durable: new Map(), mode }
  }

  #change(...change: Change): void {
    for (const { folder, name, node } of change) setEntry(folder.entries, name, node)
    this.#log.push(change)
  }

  /** The log is written as far as the folder's last change. */
  #settle(folder: FolderNode): void {
    const last = this.#log.findLastIndex((change) => change.some((one) => one.folder === folder))
    for (const change of this.#log.splice(0, last + 1)) {
      for (const { folder: at, name, node } of change) setEntry(at.durable, name, node)
    }
  }

  #add(path: string, node: DiskNode): void {
    const [folder, name] = [this.#folder(posix.dirname(path)), posix.basename(path)]
    if (folder.entries.has(name)) throw failure('EEXIST', path)
    this.#change({ folder, name, node })
  }

  #find(path: string): DiskNode | null {
    let node: DiskNode = this.#root
    // the engine's paths come from `join`, and are normal already
    for (const part of path.split('/')) {
      if (part === '') continue
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

function digestOf(content: Uint8Array): string {
  return createHash('sha256').update(content).digest('hex')
}

function setEntry(entries: Map<string, DiskNode>, name: string, node: DiskNode | null): void {
  if (node === null) entries.delete(name)
  else entries.set(name, node)
}
