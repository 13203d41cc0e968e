// The demo's addon set: what each version holds, that assembling repeats itself, and that the till's loader finds the fault
// of the third version and no other.
import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join, relative } from 'node:path'
import { after, before, test } from 'node:test'
import { type AddonSetVersion, assembleAddons } from '../../src/demo/addon-set.ts'
import { loadData, readAddons } from '../../src/demo/addons-folder.ts'

const VERSIONS: AddonSetVersion[] = [1, 2, 3, 4]
let root: string
const trees = new Map<AddonSetVersion, Map<string, string>>()

async function hashes(folder: string): Promise<Map<string, string>> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true })
  const files = entries.filter((entry) => entry.isFile()).map((entry) => join(entry.parentPath, entry.name))
  const pairs = files.map(async (file) => {
    const hash = createHash('sha256').update(await readFile(file))
    return [relative(folder, file), hash.digest('hex')] as const
  })
  return new Map(await Promise.all(pairs))
}

before(async () => {
  root = await mkdtemp(join(tmpdir(), 'chasqui-addons-'))
  for (const version of VERSIONS) {
    const folder = join(root, String(version))
    await assembleAddons(version, folder)
    trees.set(version, await hashes(folder))
  }
})

after(() => rm(root, { recursive: true, force: true }))

const tree = (version: AddonSetVersion) => trees.get(version) as Map<string, string>

test('the first version has at least five addons and two hundred files', async () => {
  assert.ok((await readdir(join(root, '1'))).length >= 5)
  assert.ok(tree(1).size >= 200, `${tree(1).size} files`)
})

test('assembling over another version gives the same tree', async () => {
  const folder = join(root, 'again')
  await assembleAddons(4, folder)
  await assembleAddons(2, folder)
  assert.deepEqual([...(await hashes(folder))].sort(), [...tree(2)].sort())
})

test('the second version adds, changes, deletes and renames files and brings a migration', () => {
  const [before, after] = [tree(1), tree(2)]
  const gone = [...before].filter(([path]) => !after.has(path))
  const added = [...after].filter(([path]) => !before.has(path))
  const changed = [...after].filter(([path, hash]) => before.has(path) && before.get(path) !== hash)
  const renamed = gone.filter(([, hash]) => added.some(([, other]) => other === hash))
  assert.ok(renamed.length >= 1, 'renamed')
  assert.ok(gone.length > renamed.length, 'deleted')
  assert.ok(added.length > renamed.length, 'added')
  assert.ok(changed.length >= 1, 'changed')
  assert.ok(added.some(([path]) => /migrations.17\.0\.1\.1\.0.pre-migration\.sql$/.test(path)))
})

test('no addon changes without a new version, and versions are those of Odoo 17', async () => {
  for (const version of [2, 3, 4] as const) {
    const [older, newer] = await Promise.all([
      readAddons(join(root, String(version - 1))),
      readAddons(join(root, String(version)))
    ])
    for (const addon of newer) {
      assert.match(addon.version, /^17\.0(\.\d+){3}$/)
      const previous = older.find((candidate) => candidate.name === addon.name)?.version
      const own = ([path]: [string, string]) => path.split(/[\\/]/)[0] === addon.name
      const isSame =
        JSON.stringify([...tree(version)].filter(own).sort()) ===
        JSON.stringify([...tree((version - 1) as AddonSetVersion)].filter(own).sort())
      assert.equal(addon.version === previous, isSame, `${addon.name} in version ${version}`)
    }
  }
})

for (const version of VERSIONS) {
  test(`data of version ${version} ${version === 3 ? 'names an external id that is not there' : 'loads'}`, async () => {
    const folder = join(root, String(version))
    const loading = loadData(folder, await readAddons(folder))
    if (version === 3) {
      await assert.rejects(loading, /External ID not found in the system: l10n_tienda\.tax_mx_iva_reducido/)
    } else {
      assert.ok((await loading) > 100)
    }
  })
}
