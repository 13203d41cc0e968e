// The file system as Chasqui uses it: a small interface, so that apply, the journal and the stick can be run on one that
// fails on purpose. The one of this machine is in real-file-system.ts.

export interface FileStat {
  kind: 'file' | 'directory' | 'symlink' | 'other'
  /** bytes */
  size: number
  /** permission bits with setuid, setgid and sticky: 0o7777 mask */
  mode: number
  /** numbers of the owner and its group; 0 on Windows */
  owner: { user: number; group: number }
  /** milliseconds since the epoch */
  modifiedAt: number
  /** device number: two places with the same one can be renamed into each other */
  device: number
  /** inode number; 0 where the file system has none */
  inode: number
  /** names that the file has on its volume */
  links: number
}

export interface FileWriter {
  write(bytes: Uint8Array): Promise<void>
  /** Returns when the bytes written so far survive a power cut. */
  sync(): Promise<void>
  close(): Promise<void>
}

/** `large`: it will be written in few large pieces and synced. */
export type WriteHint = 'large'

export interface FileReader {
  /** At most `length` bytes from `position`; fewer only at the end of the file. `into`: memory of that size to use again. */
  read(position: number, length: number, into?: Uint8Array): Promise<Uint8Array>
  close(): Promise<void>
}

/** What may be read. Paths are absolute and native. */
export interface ReadableFileSystem {
  /** lstat: a symlink is reported as itself; null when nothing is there. */
  stat(path: string): Promise<FileStat | null>
  /** Names in a directory, sorted by code unit. */
  list(path: string): Promise<string[]>
  openFile(path: string): Promise<FileReader>
  readLink(path: string): Promise<string>
  /** The path that is meant when links are followed: for places that an operator names. Fails with ENOENT as `open` does. */
  realPath(path: string): Promise<string>
  /**
   * Everything beneath a directory, by '/'-separated path: text that becomes another one when the content, the mode or the
   * owner of it is changed by whatever means the system has for it, or when something else takes its place.
   */
  identities(path: string): Promise<Map<string, string>>
}

/** What may be changed: every method is one operation that can fail or be cut. */
export interface FileSystem extends ReadableFileSystem {
  /** Creates a new file; fails with EEXIST when the path exists. */
  createFile(path: string, mode: number, hint?: WriteHint): Promise<FileWriter>
  makeDirectory(path: string, mode: number): Promise<void>
  makeLink(target: string, path: string): Promise<void>
  /** Copies a file's content and mode to a new path; shares blocks (reflink) where the file system can. */
  copyFile(from: string, to: string): Promise<void>
  /** A second name for a file that is never written to again, on the same volume. */
  linkFile(from: string, to: string): Promise<void>
  /** Gives a path the owner and group of another one, as far as this user may; true when they were different. */
  copyOwner(from: string, to: string): Promise<boolean>
  rename(from: string, to: string): Promise<void>
  /** Removes a file, a symlink or an empty directory. */
  remove(path: string): Promise<void>
  /** SHA-256 (hex) and size of a file's content. */
  digest(path: string): Promise<{ sha256: string; bytes: number }>
  setMode(path: string, mode: number): Promise<void>
  /** Makes the names in a directory survive a power cut (a no-op on Windows). */
  syncDirectory(path: string): Promise<void>
  /** Makes a file's content survive a power cut, whoever wrote it. */
  syncFile(path: string): Promise<void>
  /** Drops what the system keeps of a synced file in memory: the next read asks the medium. False where that cannot be. */
  dropCached(path: string): Promise<boolean>
  /** Makes everything beneath a directory survive a power cut, in one call where the system has one. */
  syncTree(path: string): Promise<void>
  /** May this user create and rename things in a folder, or write to a file? Asks the system; leaves no trace. */
  isWritable(path: string): Promise<boolean>
  /** Bytes that this user can still write on the volume that holds `path`. */
  freeSpace(path: string): Promise<number>
}

/** True for "there is nothing at that path". */
export function isMissing(error: unknown): boolean {
  const code = (error as NodeJS.ErrnoException | null)?.code
  return code === 'ENOENT' || code === 'ENOTDIR'
}
