// The engine's real clock and HTTP client. The only place of apply that touches the network: loopback, for health checks.
import { get as getPlain } from 'node:http'
import { get as getSecure } from 'node:https'
import { setTimeout as sleep } from 'node:timers/promises'
import { ChasquiError } from '../../src/errors.ts'
import type { Clock, HttpAnswer, HttpClient } from './parts.ts'

export const systemClock: Clock = {
  now: () => Date.now(),
  sleep: async (milliseconds) => {
    await sleep(milliseconds)
  }
}

export const systemHttp: HttpClient = {
  get(url, { timeout, limit }) {
    const get = url.startsWith('https:') ? getSecure : getPlain
    return new Promise<HttpAnswer>((resolve, reject) => {
      const request = get(
        url,
        { agent: false, headers: { accept: '*/*', connection: 'close' } },
        (response) => {
          const chunks: Buffer[] = []
          let size = 0
          const finish = () => {
            clearTimeout(timer)
            resolve({
              status: response.statusCode ?? 0,
              body: Buffer.concat(chunks).toString('utf8'),
              type: response.headers['content-type'] ?? ''
            })
          }
          response.on('data', (chunk: Buffer) => {
            size += chunk.length
            if (size <= limit) chunks.push(chunk)
          })
          response.on('end', finish)
          response.on('error', reject)
        }
      )
      const timer = setTimeout(() => {
        request.destroy(new ChasquiError('CHECK_FAILED', `no answer within ${timeout / 1000} s`))
      }, timeout)
      request.on('error', (error) => {
        clearTimeout(timer)
        reject(error)
      })
    })
  }
}
