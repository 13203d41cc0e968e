// The http check: the status without following redirects, a text on the page, and every style sheet and script of it (a
// broken installation often still answers 200 with a page that has neither).
import { ChasquiError } from '../../src/errors.ts'
import type { HttpClient } from '../apply/parts.ts'
import type { AppWork } from '../apply/work.ts'
import type { CheckConfig } from '../config/checks.ts'

const PAGE_LIMIT = 2 * 1024 * 1024 // bytes of a page that are looked at
const ASSETS = 100 // addresses of one page

/** What was seen, in a line. Throws CHECK_FAILED. */
export async function checkHttp(
  check: Extract<CheckConfig, { kind: 'http' }>,
  { work }: { work: AppWork }
): Promise<string> {
  const options = { timeout: check.timeout, limit: PAGE_LIMIT }
  const wanted = typeof check.expect === 'number' ? [check.expect] : check.expect
  const answer = await get(work.parts.http, check.url, options)
  if (!wanted.includes(answer.status)) {
    throw new ChasquiError(
      'CHECK_FAILED',
      `${check.url} answers ${answer.status}, not ${wanted.join(' or ')}`
    )
  }
  if (check.text !== undefined && !answer.body.includes(check.text)) {
    throw new ChasquiError('CHECK_FAILED', `${check.url} does not say "${check.text}"`)
  }
  if (!check.assets) return `${answer.status} at ${check.url}`
  const assets = assetsOf(answer.body, check.url)
  for (const asset of assets) {
    const { status } = await get(work.parts.http, asset, options)
    if (status !== 200) throw new ChasquiError('CHECK_FAILED', `${asset} answers ${status}`)
  }
  return `${answer.status} at ${check.url}, with ${assets.length} style sheets and scripts`
}

async function get(http: HttpClient, url: string, options: { timeout: number; limit: number }) {
  try {
    return await http.get(url, options)
  } catch (cause) {
    const why = cause instanceof Error ? cause.message : String(cause)
    throw new ChasquiError('CHECK_FAILED', `${url} does not answer: ${why}`, { cause })
  }
}

/** Style sheets and scripts of the same host that a page names. */
export function assetsOf(page: string, url: string): string[] {
  const found = new Set<string>()
  for (const [tag] of page.matchAll(/<(?:link|script)\b[^>]*>/gi)) {
    const isLink = /^<link/i.test(tag)
    if (isLink && !/\brel\s*=\s*["']?stylesheet/i.test(tag)) continue
    const address = /\b(?:href|src|data-src)\s*=\s*(?:"([^"]*)"|'([^']*)')/i.exec(tag)
    const text = (address?.[1] ?? address?.[2] ?? '').replaceAll('&amp;', '&')
    if (text === '' || !URL.canParse(text, url)) continue
    const target = new URL(text, url)
    if (target.host === new URL(url).host && /^https?:$/.test(target.protocol)) found.add(target.href)
  }
  return [...found].slice(0, ASSETS)
}
