// Whom Odoo runs as and where its files are, also where odoo.conf names links.
import assert from 'node:assert/strict'
import { chown, lstat, readFile, rename, stat, symlink } from 'node:fs/promises'
import { join } from 'node:path'
import { test } from 'node:test'
import { applyTo, describeStands, FAIL } from './odoo-stand.ts'

describeStands('the files of an Odoo', ({ stand }) => {
  const asRoot = process.getuid?.() === 0 ? {} : { skip: 'only root can run Odoo as somebody else' }
  test(
    'Odoo runs as the owner of data_dir, sees the staged addons, and can write what it made',
    asRoot,
    async (t) => {
      const one = await stand(t, { odoo: { rehearse: true } })
      const data = join(one.folder, 'data')
      for (const folder of [data, join(data, 'filestore')]) await chown(folder, 33, 33)
      await one.configure('syslog = True')
      const result = await applyTo(one)
      assert.equal(result.result, 'committed', JSON.stringify(result))
      assert.deepEqual([...new Set((await one.calls()).map((line) => line.split(' ')[0]))], ['33'])
      assert.equal((await stat(join(one.folder, '.chasqui-addons'))).mode & 0o777, 0o700, 'closed again')
    }
  )

  test('a data_dir that is a link: Odoo runs as the owner of what it leads to', asRoot, async (t) => {
    const one = await stand(t)
    const data = join(one.folder, 'data')
    for (const folder of [data, join(data, 'filestore')]) await chown(folder, 33, 33)
    await rename(data, `${data}-2`)
    await symlink(`${data}-2`, data)
    const result = await applyTo(one)
    assert.equal(result.result, 'committed', JSON.stringify(result))
    assert.deepEqual([...new Set((await one.calls()).map((line) => line.split(' ')[0]))], ['33'])
  })

  for (const name of ['filestore of the database', 'folder of filestores'] as const) {
    test(`a ${name} that is a link is backed up and comes back; a link to nothing is refused`, async (t) => {
      const one = await stand(t)
      const [till = ''] = one.databases
      const filestore = join(one.folder, 'data', 'filestore')
      const linked = name === 'folder of filestores' ? filestore : join(filestore, till)
      const disk = join(one.folder, 'disk')
      await rename(linked, disk)
      await symlink(`${disk}-2`, linked)
      const refused = await applyTo(one)
      assert.deepEqual([refused.result, refused.error?.code], ['refused', 'ODOO_CONFIG_INVALID'])
      assert.match(refused.error?.hint ?? '', /mounted/)
      await rename(disk, `${disk}-2`)
      await one.hook(till, `rm data/filestore/${till}/ab/file; rmdir data/filestore/${till}/ab; ${FAIL}`)
      assert.equal((await applyTo(one)).result, 'rolled-back')
      assert.equal(await readFile(join(filestore, till, 'ab', 'file'), 'utf8'), `of ${till}`)
      assert.ok((await lstat(linked)).isSymbolicLink())
    })
  }

  test('odoo.conf may be a link', async (t) => {
    const one = await stand(t)
    const conf = join(one.folder, 'odoo.conf')
    await rename(conf, `${conf}.real`)
    await symlink('odoo.conf.real', conf)
    await one.configure('syslog = True')
    assert.equal((await applyTo(one)).result, 'committed')
  })

  test('a node that is neither root nor Odoo is refused', asRoot, async (t) => {
    const one = await stand(t)
    await chown(one.folder, 4242, 4242)
    assert.equal((await applyTo(one)).error?.code, 'NO_PERMISSION')
  })
})
