// Reads the tables of a chasqui.toml. The one thing that TOML itself does not allow and the file does: `internet = true` (or
// `lan`) in [links] together with a table [links.internet]. The switch then means the table's `enabled`.
import { parseConfigTables } from '../system/config.ts'

/** The tables as the schema wants them, before they are checked. Throws CONFIG_SYNTAX. */
export function readTables(text: string, path: string): Record<string, unknown> {
  const tables = parseConfigTables(renameSwitches(text), path)
  const links = tables.links
  if (typeof links !== 'object' || links === null) return tables
  return { ...tables, links: joinSwitches(links as Record<string, unknown>) }
}

const SWITCHES = ['lan', 'internet'] as const
const HIDDEN = '-switch' // never a key of the schema: joinSwitches takes it away again

/**
 * `internet = …` becomes another key where a table [links.internet] exists too, or one below it; no
 * line is added or taken away.
 */
function renameSwitches(text: string): string {
  const tables = SWITCHES.filter((name) =>
    new RegExp(`^\\s*\\[+\\s*links\\s*\\.\\s*${name}\\s*[\\].]`, 'm').test(text)
  )
  if (tables.length === 0) return text
  let table = ''
  const lines = text.split('\n').map((line) => {
    table = /^\s*\[+\s*([^\]]+?)\s*\]/.exec(line)?.[1] ?? table
    const name = /^\s*(lan|internet)\s*=/.exec(line)?.[1]
    const isSwitch = table === 'links' && tables.some((one) => one === name)
    return isSwitch ? line.replace(/(lan|internet)/, `$1${HIDDEN}`) : line
  })
  return lines.join('\n')
}

function joinSwitches(links: Record<string, unknown>): Record<string, unknown> {
  const joined = { ...links }
  for (const name of SWITCHES) {
    if (!(name + HIDDEN in joined)) continue
    const table = joined[name] as Record<string, unknown>
    joined[name] = { ...table, enabled: table.enabled ?? joined[name + HIDDEN] }
    delete joined[name + HIDDEN]
  }
  return joined
}
