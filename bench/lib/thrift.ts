// The environment that the launcher gives a daemon on Linux (bin/chasqui.js, docs/decisions/0004-daemon-memory.md), for
// measured processes that stand for one.
export const THRIFT = {
  MALLOC_ARENA_MAX: '1',
  MALLOC_TRIM_THRESHOLD_: '131072',
  MALLOC_MMAP_THRESHOLD_: '32768'
}
