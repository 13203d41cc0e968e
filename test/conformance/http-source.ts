// Metadata over HTTP, as TUF repositories serve it: one request per file, no retries, never more bytes than allowed.
import { get } from 'node:http'
import { ChasquiError } from '../../src/errors.ts'
import type { MetadataSource } from '../../src/trust/refresh.ts'

const TIMEOUT = 30_000 // milliseconds without a byte

export function httpSource(baseUrl: string): MetadataSource {
  const base = baseUrl.replace(/\/$/, '')
  return { read: (name, limit) => readUrl(`${base}/${name}`, limit) }
}

/** The body, or null for 403 and 404. Throws TUF_TOO_LARGE as soon as more than `limit` bytes came. */
export function readUrl(url: string, limit: number): Promise<Uint8Array | null> {
  return new Promise((resolve, reject) => {
    const request = get(url, { agent: false, timeout: TIMEOUT }, (response) => {
      const status = response.statusCode ?? 0
      if (status !== 200) {
        response.resume()
        if (status === 404 || status === 403) resolve(null)
        else reject(new ChasquiError('TUF_MISSING', `${url} answers with status ${status}`))
        return
      }
      const chunks: Buffer[] = []
      let length = 0
      response.on('data', (chunk: Buffer) => {
        length += chunk.length
        chunks.push(chunk)
        if (length <= limit) return
        // first: destroy() makes `aborted` fire, which would tell another story
        reject(new ChasquiError('TUF_TOO_LARGE', `${url} is larger than ${limit} bytes`))
        response.destroy()
      })
      response.on('end', () => resolve(new Uint8Array(Buffer.concat(chunks))))
      response.on('error', reject)
      response.on('aborted', () => reject(new ChasquiError('TUF_MISSING', `${url} was cut off`)))
    })
    request.on('timeout', () => request.destroy(new Error('no answer')))
    request.on('error', reject)
  })
}
