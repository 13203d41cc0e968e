declare module 'hypercore-storage' {
  export default class HypercoreStorage {
    /**
     * writeBufferSize: bytes of RocksDB's memtable; blobGarbageCollectionAgeCutOff: part of the blob files, oldest first,
     * that each compaction copies
     */
    constructor(
      directory: string,
      options?: { writeBufferSize?: number; blobGarbageCollectionAgeCutOff?: number }
    )
  }
}
