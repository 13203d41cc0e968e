// Loaded into a daemon before anything else (NODE_OPTIONS): as long as the file CHASQUI_TAMPER exists, a bit of every larger
// piece that leaves over Hyperswarm is changed, below the encryption and above UDP's checksum: what somebody on the line
// can do. Writes one byte to CHASQUI_TAMPER.count for each.
import { appendFileSync, existsSync } from 'node:fs'
import { createRequire } from 'node:module'

const LARGE = 4000 // bytes: who is who passes, bulk does not

interface RawStream {
  prototype: { _writev(this: unknown, buffers: Uint8Array[], done: unknown): void }
}

const fromHere = createRequire(import.meta.url)
const raw: RawStream = createRequire(fromHere.resolve('hyperdht'))('udx-native/lib/stream')
const flag = process.env.CHASQUI_TAMPER ?? ''
const write = raw.prototype._writev

raw.prototype._writev = function (buffers, done) {
  write.call(this, existsSync(flag) ? buffers.map(changed) : buffers, done)
}

function changed(buffer: Uint8Array): Uint8Array {
  if (buffer.byteLength < LARGE) return buffer
  const copy = Buffer.from(buffer)
  copy[copy.byteLength >> 1] = (copy[copy.byteLength >> 1] as number) ^ 1
  appendFileSync(`${flag}.count`, '.')
  return copy
}
