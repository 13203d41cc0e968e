// STATUS.html and README.txt: what happened and what to do, in three languages, readable on any machine without Chasqui, and
// from a step away by somebody who wears gloves. Plain HTML without scripts or links; every word from outside is escaped.
import type { ErrorCode } from '../errors.ts'
import { readStickBytes, type StickFolder, writeStickBytes } from './folder.ts'
import { type Purpose, readPurpose } from './purpose.ts'
import type { Installed, Visit } from './visits.ts'
import { type Language, languagesFrom, type Outcome, type READY, WORDS, type Words } from './words.ts'

const README_LIMIT = 64 * 1024 // bytes
const REFRESH = 5 // seconds between two looks of a browser while a machine works
const SHOWN = 40 // modules of one visit; visits.json has them all
const SPELLED_OUT = 3 // modules that did not change; more are folded away

const MARKS: Readonly<Record<Outcome, string>> = {
  working: '●',
  done: '✔',
  trouble: '⚠',
  failed: '✖',
  cut: '✖'
}

/** Puts both files on the stick; README.txt only when it is not as it should be. Newest visit first. */
export async function writePages(
  folder: StickFolder,
  visits: readonly Visit[],
  language: Language
): Promise<void> {
  const readme = Buffer.from(readmeText(language))
  const there = await readStickBytes(folder, ['README.txt'], README_LIMIT).catch(() => null)
  if (there === null || !readme.equals(there)) await writeStickBytes(folder, ['README.txt'], readme)
  const purpose = await readPurpose(folder)
  await writeStickBytes(folder, ['STATUS.html'], Buffer.from(statusPage(purpose, visits, language)))
}

/** For Notepad: UTF-8 with a mark, lines that end as Windows wants them. */
function readmeText(language: Language): string {
  const parts = languagesFrom(language).map(
    (one) => `${WORDS[one].title.toUpperCase()}\n\n${WORDS[one].readme}`
  )
  return `\ufeff${parts.join(`\n\n${'-'.repeat(60)}\n\n`)}\n`.replaceAll('\n', '\r\n')
}

function statusPage(purpose: Purpose, visits: readonly Visit[], language: Language): string {
  const [first, ...others] = languagesFrom(language) as [Language, ...Language[]]
  const refresh = visits[0]?.state === 'working' ? `<meta http-equiv="refresh" content="${REFRESH}">\n` : ''
  const more = others.map(
    (one) =>
      `<details lang="${one}"><summary>${WORDS[one].title}</summary>\n${table(visits, WORDS[one])}\n</details>`
  )
  return `<!doctype html>
<html lang="${language}">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
${refresh}<title>${escapeHtml(WORDS[language].title)}</title>
<style>
${STYLE}</style>
<h1>${WORDS[first].title} ${escapeHtml(purpose.label)}</h1>
${purposeLines(purpose, WORDS[first])}
${banner(visits, first, others)}
${table(visits, WORDS[first])}
${more.join('\n')}
</html>
`
}

/** Of several sticks in one pocket, which this is. */
function purposeLines({ branches, parts }: Purpose, words: Words): string {
  const lines = [
    ...(branches.length > 0 ? [`${words.madeFor}: <b>${escapeHtml(branches.join(', '))}</b>`] : []),
    ...parts.map(({ part, parts: all }) => `${words.part}: <b>${part} / ${all}</b>`)
  ]
  return lines.map((line) => `<p>${line}</p>`).join('\n')
}

const STYLE = `body{font:1.25em/1.4 system-ui,sans-serif;margin:1em;color:#111;background:#fff}
h1{font-size:1.2em;margin:.5em 0}
.banner{padding:.7em;border-radius:.4em;border:.35em solid;margin:.5em 0 1em}
.banner b{display:block;font-size:2.6em;line-height:1.15}
.banner p{margin:.4em 0 0;font-size:1.15em}
.banner small{display:block;font-size:1em;margin-top:.6em}
.done{background:#d8f5dc;border-color:#0b6b22;color:#06401a}
.working{background:#d9e9ff;border-color:#0a4ea3;color:#062f63}
.trouble{background:#ffe9b8;border-color:#9a5b00;color:#4a2c00}
.failed{background:#ffdcd8;border-color:#a31111;color:#5c0606}
table{border-collapse:collapse;width:100%;margin:1em 0}
th,td{text-align:left;vertical-align:top;padding:.5em;border-bottom:2px solid #bbb}
td:first-child,td:last-child{white-space:nowrap}
td.done,td.working,td.trouble,td.failed,td.cut{font-weight:700}
.error{color:#8f1010}
.quiet{color:#555}
summary{cursor:pointer}
details[lang]>summary{font-size:1.3em;padding:.6em 0}
@media (max-width:60em){
thead{display:none}
tr{display:block;padding:.5em 0;border-bottom:2px solid #bbb}
td{display:block;border:0;padding:.1em .5em}
td[data-name]::before{content:attr(data-name) ": ";color:#555;font-weight:400}
}
`

/** The newest visit in big letters: what it came to, and what to do. */
function banner(visits: readonly Visit[], first: Language, others: readonly Language[]): string {
  const [visit] = visits
  if (visit === undefined) return ''
  const state = outcomeOf(visit)
  const words = WORDS[first]
  const lines = [
    `${words.banner[state].small} ${adviceFor(visit, words)}`.trim(),
    ...bannerNotes(visit, words)
  ]
  const elsewhere = state === 'working' ? [`${words.elsewhere} ${escapeHtml(visit.name)}.`] : []
  const also = others.map((one) => WORDS[one].banner[state].big).join(' · ')
  return `<div class="banner ${state}"><b>${MARKS[state]} ${words.banner[state].big}</b>
${[...lines, ...elsewhere].map((line) => `<p>${line}</p>`).join('\n')}
<small>${also}</small></div>`
}

function bannerNotes(visit: Visit, words: Words): string[] {
  const who = `${escapeHtml(visit.name)}, ${escapeHtml(shownTime(visit))} UTC`
  return visit.waiting.length === 0 ? [who] : [who, `${words.updatesWait}: ${visit.waiting.length}`]
}

/** What to do about the first error for which there is something to do; to plug it in again only helps a visit that failed. */
function adviceFor(visit: Visit, words: Words): string {
  const codes = visit.errors.map(codeOf).filter((code) => code !== undefined)
  const known = codes.map((code) => words.advice[code]).find((advice) => advice !== undefined)
  return known ?? (visit.state === 'failed' ? words.advice.other : '')
}

function codeOf(text: string): ErrorCode | undefined {
  return /^([A-Z_]+): /.exec(text)?.[1] as ErrorCode | undefined
}

/** In the reader's language where there is a sentence; what the program says follows, for head office. */
function trouble(text: string, words: Words): string {
  const code = codeOf(text)
  const sentence = code === undefined ? undefined : words.troubles[code]
  const said = escapeHtml(text)
  const line = sentence === undefined ? said : `${sentence} <span class="quiet">(${said})</span>`
  return `<div class="error">${line}</div>`
}

function outcomeOf({ state, errors }: Visit): Exclude<Outcome, 'cut'> {
  if (state !== 'done') return state
  return errors.length > 0 ? 'trouble' : 'done'
}

/** A visit that is not the newest and still works was cut off. */
function tableOutcome(visit: Visit, i: number): Outcome {
  const outcome = outcomeOf(visit)
  return outcome === 'working' && i > 0 ? 'cut' : outcome
}

function table(visits: readonly Visit[], words: Words): string {
  const head = [words.when, words.machine, words.result, words.software, words.waiting, words.carried]
  const rows = visits.map((visit, i) => row(visit, tableOutcome(visit, i), words))
  return `<table><thead><tr>${head.map((cell) => `<th>${cell}</th>`).join('')}</tr></thead>
<tbody>
${rows.join('\n')}
</tbody></table>`
}

const cell = (name: string, content: string, attributes = '') =>
  `<td data-name="${name}"${attributes}>${content}</td>`

/** A row of the table; on a narrow screen a block of lines, each with the name of its column. */
function row(visit: Visit, outcome: Outcome, words: Words): string {
  const role = visit.role === 'publisher' ? words.headOffice : words.branch
  const errors = visit.errors.map((text) => trouble(text, words)).join('')
  const cells = [
    cell(words.when, escapeHtml(shownTime(visit))),
    cell(words.machine, `${escapeHtml(visit.name)} (${role})`),
    cell(words.result, `${MARKS[outcome]} ${words.outcome[outcome]}${errors}`, ` class="${outcome}"`),
    cell(words.software, software(visit, words)),
    cell(words.waiting, waiting(visit, words)),
    cell(words.carried, `${kilobytes(visit.read)} / ${kilobytes(visit.wrote)}`)
  ]
  return `<tr>${cells.join('')}</tr>`
}

/** What changed first, before and after; then what did not. */
function software({ before, after }: Visit, words: Words): string {
  const at = (list: Installed, { app, module }: { app: string; module: string }) =>
    list.find((one) => one.app === app && one.module === module)?.version ?? words.nothing
  const gone = before.filter((one) => at(after, one) === words.nothing)
  const all = [...after, ...gone].map((one) => ({ ...one, from: at(before, one), to: at(after, one) }))
  const changed = all.filter(({ from, to }) => from !== to)
  const same = all.filter(({ from, to }) => from === to)
  const changes = changed.map(
    ({ app, module, from, to }) => `<b>${escapeHtml(`${app}: ${module} ${from} → ${to}`)}</b>`
  )
  const rest = same.map(({ app, module, to }) => escapeHtml(`${app}: ${module} ${to}`))
  const lines = [
    ...atMost(SHOWN, changes),
    ...(rest.length <= SPELLED_OUT
      ? rest.map((line) => `<span class="quiet">${line} (${words.unchanged})</span>`)
      : [folded(`${rest.length} ${words.unchanged}`, atMost(SHOWN, rest))])
  ]
  return lines.join('<br>') || words.nothing
}

function atMost(count: number, lines: readonly string[]): string[] {
  return lines.length > count ? [...lines.slice(0, count), `… +${lines.length - count}`] : [...lines]
}

function folded(title: string, lines: readonly string[]): string {
  return `<details class="quiet"><summary>${title}</summary>${lines.join('<br>')}</details>`
}

function waiting(visit: Visit, words: Words): string {
  const lines = visit.waiting.map(({ app, module, version, code, reason }) => {
    const why = words.waits[code as ErrorCode | typeof READY] ?? words.waits.other
    return `<b>${escapeHtml(`${app}: ${module} ${version}`)}</b> ${why} <span class="quiet">(${escapeHtml(reason)})</span>`
  })
  return lines.join('<br>') || words.nothing
}

function shownTime({ at }: Visit): string {
  return at.replace('T', ' ').replace(/:\d\dZ$/, '')
}

function kilobytes(bytes: number): string {
  return bytes >= 1e6 ? `${(bytes / 1e6).toFixed(1)} MB` : `${Math.ceil(bytes / 1000)} kB`
}

function escapeHtml(text: string): string {
  return text.replace(/[&<>"']/g, (character) => `&#${character.charCodeAt(0)};`)
}
