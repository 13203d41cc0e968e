// Writes docs/ERRORS.md from the table in src/errors.ts: `npm run docs:errors`. A test compares the two, so that the
// document can never list a code that does not exist or miss one that does.
import { join } from 'node:path'
import { ERROR_CODES, EXIT } from '../src/errors.ts'
import { writeFileDurably } from '../src/system/durable.ts'
import { realFileSystem } from '../src/system/real-file-system.ts'

const STATUS_MEANING: Record<keyof typeof EXIT, string> = {
  done: 'done, or nothing to do',
  unexpected: 'unexpected failure',
  usage: 'usage or configuration',
  refused: 'verification refused',
  notFound: 'not found, or not joined',
  preflight: 'preflight refused',
  rolledBack: 'applied and rolled back',
  rollbackFailed: 'rollback failed',
  busy: 'busy: another process holds the home',
  unreachable: 'unreachable: no daemon, no peer'
}

export const ERRORS_DOCUMENT = join(import.meta.dirname, '..', 'docs', 'ERRORS.md')

/** The whole text of docs/ERRORS.md. */
export function errorsDocument(): string {
  const sections = Object.entries(EXIT).map(([name, exit]) =>
    section(exit, STATUS_MEANING[name as keyof typeof EXIT])
  )
  return `${[INTRODUCTION, ...sections.filter((text) => text !== null)].join('\n\n')}\n`
}

const INTRODUCTION = `# Errors

<!-- made by "npm run docs:errors" from src/errors.ts: edit the table there -->

An error is printed on stderr as \`chasqui: CODE: message\`, then \`hint: what to do\`; with \`--json\` it is
\`{"error":{"code","message","hint"}}\` on stdout. A code keeps its meaning for ever; messages and hints may get
better. The exit status says what kind of trouble it is: scripts should look at that first. Status 0 is: ${STATUS_MEANING.done}.`

function section(exit: number, meaning: string): string | null {
  const rows = [...ERROR_CODES]
    .filter(([, entry]) => entry.exit === exit)
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([code, entry]) => `| \`${code}\` | ${entry.meaning.replaceAll('|', '\\|')} |`)
  if (rows.length === 0) return null
  return [`## ${exit}: ${meaning}`, '', '| code | meaning |', '|---|---|', ...rows].join('\n')
}

if (import.meta.main) {
  await writeFileDurably(realFileSystem, ERRORS_DOCUMENT, Buffer.from(errorsDocument()))
}
