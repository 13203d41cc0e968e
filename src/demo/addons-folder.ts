// Loads a folder of Odoo addons the way a server does at its start: modules in the order of their dependencies, data files
// in the order of the manifest, every reference resolved. Enough of Odoo to notice a broken release; only for the demo.
import { readdir, readFile, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { z } from 'zod'
import { parsePythonLiteral } from '../release/identity/python-literal.ts'

export interface AddonManifest {
  name: string
  version: string
  depends: string[]
  data: string[]
}

/** Every addon in the folder, those that others need first. Throws when a manifest cannot be read. */
export async function readAddons(folder: string): Promise<AddonManifest[]> {
  const names = (await readdir(folder)).sort()
  const found = new Map<string, AddonManifest>()
  for (const name of names) {
    const text = await readFile(join(folder, name, '__manifest__.py'), 'utf8').catch(() => null)
    if (text !== null) found.set(name, parseManifest(name, text))
  }
  return inOrder(found)
}

const manifestShape = z.object({
  version: z.string(),
  depends: z.array(z.string()).default([]),
  data: z.array(z.string()).default([])
})

function parseManifest(name: string, text: string): AddonManifest {
  const literal = parsePythonLiteral(text)
  const fields = literal instanceof Map ? Object.fromEntries(literal) : literal
  return { name, ...manifestShape.parse(fields) }
}

function inOrder(addons: Map<string, AddonManifest>): AddonManifest[] {
  const ordered = new Set<AddonManifest>()
  const visit = (addon: AddonManifest, trail: string[]): void => {
    if (trail.includes(addon.name))
      throw new Error(`dependency circle: ${[...trail, addon.name].join(' → ')}`)
    for (const name of addon.depends) {
      const needed = addons.get(name)
      if (needed !== undefined) visit(needed, [...trail, addon.name])
    }
    ordered.add(addon)
  }
  for (const addon of addons.values()) visit(addon, [])
  return [...ordered]
}

/** Loads the data of every addon and returns how many records there are. Throws what Odoo would log: the missing external id. */
export async function loadData(folder: string, addons: readonly AddonManifest[]): Promise<number> {
  const known = new Set<string>()
  const own = new Set(addons.map((addon) => addon.name))
  for (const addon of addons) {
    for (const model of await modelsOf(join(folder, addon.name, 'models')))
      known.add(`${addon.name}.${model}`)
    for (const model of await modelsOf(join(folder, addon.name, 'wizard')))
      known.add(`${addon.name}.${model}`)
    for (const file of addon.data) {
      const text = await readFile(join(folder, addon.name, file), 'utf8')
      const { defines, needs } = file.endsWith('.csv') ? scanCsv(text) : scanXml(text)
      for (const id of defines) known.add(fullId(addon.name, id))
      for (const id of needs.map((need) => fullId(addon.name, need))) {
        const [module] = id.split('.') as [string]
        if (own.has(module) && !known.has(id)) {
          throw new Error(`External ID not found in the system: ${id} (in ${addon.name}/${file})`)
        }
      }
    }
  }
  return known.size
}

const fullId = (module: string, id: string): string => (id.includes('.') ? id : `${module}.${id}`)

/** The external ids `model_x_y` that Odoo makes for the models of a folder of Python files. */
async function modelsOf(folder: string): Promise<string[]> {
  if (!(await stat(folder).catch(() => null))?.isDirectory()) return []
  const ids: string[] = []
  for (const file of await readdir(folder)) {
    const text = await readFile(join(folder, file), 'utf8')
    for (const match of text.matchAll(/^ {4}_name = "([\w.]+)"$/gm)) {
      ids.push(`model_${(match[1] as string).replaceAll('.', '_')}`)
    }
  }
  return ids
}

interface Scan {
  defines: string[]
  needs: string[]
}

function scanXml(text: string): Scan {
  const body = text.replace(/<!--[\s\S]*?-->/g, '')
  if (!/<\/odoo>\s*$/.test(body)) throw new Error('XML data file does not end with </odoo>')
  const all = (pattern: RegExp) => [...body.matchAll(pattern)].map((match) => match[1] as string)
  return {
    defines: all(/<(?:record|template|menuitem)\b[^>]*?\bid="([\w.]+)"/g),
    needs: [
      ...all(/\bref="([\w.]+)"/g),
      ...all(/\bref\('([\w.]+)'\)/g),
      ...all(/<menuitem\b[^>]*?\b(?:parent|action)="([\w.]+)"/g),
      ...all(/<menuitem\b[^>]*?\baction="([\w.]+)"/g)
    ]
  }
}

function scanCsv(text: string): Scan {
  const [header = '', ...rows] = text.trim().split(/\r?\n/)
  const columns = header.split(',')
  const cells = rows.map((row) => row.split(','))
  const references = columns.flatMap((column, i) => (column.endsWith(':id') ? [i] : []))
  return {
    defines: cells.map((row) => row[columns.indexOf('id')] ?? ''),
    needs: references.flatMap((i) => cells.map((row) => row[i] ?? '')).filter((id) => id !== '')
  }
}
