declare module 'hypercore-storage' {
  export default class HypercoreStorage {
    /** writeBufferSize: bytes of RocksDB's memtable */
    constructor(directory: string, options?: { writeBufferSize?: number })
  }
}
