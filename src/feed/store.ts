// The Corestore of a home: where the blocks of its feeds are. Nothing here knows what a feed means.
import { join } from 'node:path'
import Corestore from 'corestore'
import HypercoreStorage from 'hypercore-storage'
import { ChasquiError } from '../errors.ts'
import { ensureDirectory } from '../system/durable.ts'
import { realFileSystem } from '../system/file-system.ts'

/** RocksDB keeps this much in memory before it writes a table; its default of 64 MiB is most of a small PC's budget. */
const WRITE_BUFFER = 4 * 1024 * 1024 // bytes

export interface Store {
  readonly cores: Corestore
  /** folder of what belongs to the feeds but is no core: journal, conflict */
  readonly directory: string
  /** Returns when every block that was written so far survives a power cut. */
  flush(): Promise<void>
  close(): Promise<void>
}

/**
 * Opens or creates the store in `directory`.
 * Throws STORE_MOVED when it was copied from elsewhere, HOME_LOCKED when another process has it.
 */
export async function openStore(directory: string): Promise<Store> {
  keepNoticesOffStdout()
  await ensureDirectory(realFileSystem, directory, 0o700)
  const storage = new HypercoreStorage(join(directory, 'cores'), { writeBufferSize: WRITE_BUFFER })
  const cores = new Corestore(storage)
  try {
    await cores.ready()
  } catch (cause) {
    throw openingError(directory, cause)
  }
  return {
    cores,
    directory,
    flush: () => cores.storage.db.flush(),
    close: () => cores.close()
  }
}

function openingError(directory: string, cause: unknown): ChasquiError {
  const text = cause instanceof Error ? cause.message : String(cause)
  if (/device file/i.test(text)) {
    return new ChasquiError(
      'STORE_MOVED',
      `the store in ${directory} was copied or moved from another place`,
      {
        cause,
        hint: 'a copied store could fork the feed: restore the keys and let the feed come back from a branch or a stick'
      }
    )
  }
  if (/lock/i.test(text)) {
    return new ChasquiError('HOME_LOCKED', `another process has the store in ${directory} open`, { cause })
  }
  return new ChasquiError('HOME_DAMAGED', `the store in ${directory} cannot be opened: ${text}`, { cause })
}

let noticesAreKept = false

/** Hypercore prints a line to stdout when it finds a conflict; stdout is for results, so it goes to stderr. */
function keepNoticesOffStdout(): void {
  if (noticesAreKept) return
  noticesAreKept = true
  const print = console.log
  console.log = (...values: unknown[]) => {
    const isNotice = typeof values[0] === 'string' && values[0].startsWith('[hypercore]')
    if (isNotice) console.error(...values)
    else print(...values)
  }
}
