// STATUS.html and README.txt: what happened and what to do, in three languages, readable on any machine without Chasqui.
// Plain HTML without scripts or links; every word from outside is escaped.
import { readStickBytes, type StickFolder, writeStickBytes } from './folder.ts'
import type { Installed, Visit } from './visits.ts'
import { type Language, languagesFrom, WORDS, type Words } from './words.ts'

const README_LIMIT = 64 * 1024 // bytes

/** Puts both files on the stick; README.txt only when it is not as it should be. */
export async function writePages(
  folder: StickFolder,
  visits: readonly Visit[],
  language: Language
): Promise<void> {
  const readme = Buffer.from(readmeText(language))
  const there = await readStickBytes(folder, ['README.txt'], README_LIMIT).catch(() => null)
  if (there === null || !readme.equals(there)) await writeStickBytes(folder, ['README.txt'], readme)
  const label = folder.file?.label ?? ''
  await writeStickBytes(folder, ['STATUS.html'], Buffer.from(statusPage(label, visits, language)))
}

/** For Notepad: UTF-8 with a mark, lines that end as Windows wants them. */
function readmeText(language: Language): string {
  const parts = languagesFrom(language).map(
    (one) => `${WORDS[one].title.toUpperCase()}\n\n${WORDS[one].readme}`
  )
  return `\ufeff${parts.join(`\n\n${'-'.repeat(60)}\n\n`)}\n`.replaceAll('\n', '\r\n')
}

function statusPage(label: string, visits: readonly Visit[], language: Language): string {
  const sections = languagesFrom(language).map((one) => section(label, visits, WORDS[one], one))
  return `<!doctype html>
<html lang="${language}">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<title>${escapeHtml(WORDS[language].title)}</title>
<style>
body{font:16px/1.5 system-ui,sans-serif;max-width:60em;margin:1em auto;padding:0 1em;color:#1c1c1c;background:#fff}
.banner{font-size:1.6em;font-weight:700;padding:.6em;border-radius:.3em;background:#dff2e1;color:#0b5d1e}
.banner small{display:block;font-size:.6em;font-weight:400}
.banner.trouble{background:#fdecc8;color:#6b4300}
table{border-collapse:collapse;width:100%;margin:1em 0}
th,td{text-align:left;vertical-align:top;padding:.4em;border-bottom:1px solid #ccc}
.error{color:#9b1c1c}
section+section{margin-top:3em;border-top:3px solid #ddd;padding-top:1em}
</style>
${sections.join('\n')}
</html>
`
}

function section(label: string, visits: readonly Visit[], words: Words, language: Language): string {
  const trouble = (visits[0]?.errors.length ?? 0) > 0
  const banner = `<p class="banner${trouble ? ' trouble' : ''}">${words.safe}<small>${trouble ? words.trouble : words.safeWhy}</small></p>`
  const head = [words.when, words.machine, words.before, words.after, words.carried, words.errors]
  const rows = visits.map(
    (visit) =>
      `<tr>${cells(visit, words)
        .map((cell) => `<td>${cell}</td>`)
        .join('')}</tr>`
  )
  return `<section lang="${language}">
<h1>${words.title} ${escapeHtml(label)}</h1>
${banner}
<table><thead><tr>${head.map((cell) => `<th>${cell}</th>`).join('')}</tr></thead>
<tbody>
${rows.join('\n')}
</tbody></table>
</section>`
}

function cells(visit: Visit, words: Words): string[] {
  const role = visit.role === 'publisher' ? words.headOffice : words.branch
  const same = JSON.stringify(visit.before) === JSON.stringify(visit.after)
  const errors = visit.errors.map((text) => `<span class="error">${escapeHtml(text)}</span>`).join('<br>')
  return [
    escapeHtml(visit.at.replace('T', ' ').replace('Z', '')),
    `${escapeHtml(visit.name)} (${role})`,
    versionList(visit.before, words),
    same ? words.unchanged : versionList(visit.after, words),
    `${kilobytes(visit.read)} / ${kilobytes(visit.wrote)}`,
    errors === '' ? words.noErrors : errors
  ]
}

function versionList(installed: Installed, words: Words): string {
  const lines = installed.map(({ app, module, version }) => escapeHtml(`${app}: ${module} ${version}`))
  return lines.length === 0 ? words.nothing : lines.join('<br>')
}

function kilobytes(bytes: number): string {
  return bytes >= 1e6 ? `${(bytes / 1e6).toFixed(1)} MB` : `${Math.ceil(bytes / 1000)} kB`
}

function escapeHtml(text: string): string {
  return text.replace(/[&<>"']/g, (character) => `&#${character.charCodeAt(0)};`)
}
