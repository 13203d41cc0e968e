// The Corestore of a home: where the blocks of its feeds are. Nothing here knows what a feed means.
import { join } from 'node:path'
import Corestore from 'corestore'
import HypercoreStorage from 'hypercore-storage'
import { ChasquiError } from '../errors.ts'
import { ensureDirectory } from '../system/durable.ts'
import { realFileSystem } from '../system/real-file-system.ts'

/** RocksDB keeps this much in memory before it writes a table; its default of 64 MiB is most of a small PC's budget. */
const WRITE_BUFFER = 8 * 1024 * 1024 // bytes
/**
 * By default every compaction copies the oldest quarter of all blocks, whether any of them was freed or not: to publish
 * 500 MB wrote 3 GB. Nothing is copied until `reclaim` asks for it (decision 0511).
 */
const COPIED_BY_COMPACTION = 0
/** What `reclaim` copies at most: the oldest quarter; files of which nothing is needed any more go in any case. */
const COPIED_BY_RECLAIM = 0.25
/** rocksdb-native's numbers: collect garbage in this compaction, and compact the lowest level too */
const FORCE = { collection: 1, lowestLevel: 2 }

export interface Store {
  readonly cores: Corestore
  /** folder of what belongs to the feeds but is no core: journal, conflict */
  readonly directory: string
  /** Returns when every block that was written so far survives a power cut. */
  flush(): Promise<void>
  /** Gives the disk back what freed blocks took, as far as it can be had by copying a quarter of the others. Flushes. */
  reclaim(): Promise<void>
  close(): Promise<void>
}

/**
 * Opens or creates the store in `directory`.
 * Throws STORE_MOVED when it was copied from elsewhere, HOME_LOCKED when another process has it.
 */
export async function openStore(directory: string): Promise<Store> {
  keepNoticesOffStdout()
  await ensureDirectory(realFileSystem, directory, 0o700)
  const storage = new HypercoreStorage(join(directory, 'cores'), {
    writeBufferSize: WRITE_BUFFER,
    blobGarbageCollectionAgeCutOff: COPIED_BY_COMPACTION
  })
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
    async reclaim() {
      await cores.storage.db.flush()
      const options = {
        blobGarbageCollectionPolicy: FORCE.collection,
        blobGarbageCollectionAgeCutoff: COPIED_BY_RECLAIM,
        bottommostLevelCompaction: FORCE.lowestLevel
      }
      // a disk without room for the copy: nothing is lost, and the next time may find some
      await cores.storage.compact(options).catch(() => undefined)
    },
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
