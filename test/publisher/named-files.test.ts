// Files that are named on the command line: what is wrong with one is said as such, before anything is made for it.
import assert from 'node:assert/strict'
import { mkdir, readdir, stat, symlink, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { test } from 'node:test'
import { chasqui, temporaryFolder, writeFiles } from './support.ts'

test('a file that cannot be read or written is refused by its name, and nothing is left behind', async (t) => {
  const folder = await temporaryFolder(t)
  const home = join(folder, 'home')
  const made = await chasqui(home, ['init', '--name', 'Fleet', '--no-passphrase', '--json'])
  assert.equal(made.status, 0, made.stderr)
  await mkdir(join(folder, 'taken'))
  await writeFiles(join(folder, 'shop'), { 'version.txt': '1.0.0' })
  const nowhere = join(folder, 'nowhere', 'file')
  const taken = join(folder, 'taken')
  const key = ['--backup-passphrase-file', join(folder, 'shop', 'version.txt')]
  const refused: [what: string, args: string[], code: string][] = [
    ['an invite in a folder that is not there', ['invite', 'Norte', '--out', nowhere], 'NOT_A_DIRECTORY'],
    ['an invite in place of a folder', ['invite', 'Norte', '--out', taken], 'USAGE'],
    ['a key in a folder that is not there', ['keys', 'new', nowhere, '--no-passphrase'], 'NOT_A_DIRECTORY'],
    ['a backup in a folder that is not there', ['keys', 'backup', nowhere, ...key], 'NOT_A_DIRECTORY'],
    ['a request that is not there', ['sign', nowhere], 'REQUEST_NOT_FOUND'],
    ['a PIN that is a folder', ['invite', 'Norte', '--pin-file', taken], 'SECRET_FILE'],
    ['notes that are a folder', ['publish', join(folder, 'shop'), '--notes', `@${taken}`], 'USAGE'],
    ['a name of nothing', ['invite', ''], 'USAGE'],
    ['a backup that is not there', ['keys', 'restore', nowhere, '--home', nowhere], 'USAGE'],
    ['no keys to delegate to', ['delegate'], 'USAGE'],
    ['an empty name', ['init', '--name', '', '--no-passphrase', '--home', join(folder, 'other')], 'USAGE']
  ]
  for (const [what, args, code] of refused) {
    const outcome = await chasqui(home, [...args, '--json'])
    const { error } = (outcome.json ?? {}) as { error?: Record<string, string> }
    assert.equal(error?.code, code, `${what}: ${outcome.stdout}${outcome.stderr}`)
    assert.ok((error?.hint ?? '') !== '', `${what}: no hint`)
    assert.match(outcome.stderr, /\nhint: ./, what)
    assert.doesNotMatch(outcome.stdout, /expected string|\\n/, what)
  }
  assert.deepEqual((await chasqui(home, ['branches', '--json'])).json, [], 'nobody was invited')
  assert.deepEqual((await readdir(folder)).sort(), ['home', 'shop', 'taken'])
})

test('a passphrase behind a link counts: secrets of containers are links', async (t) => {
  const folder = await temporaryFolder(t)
  await writeFile(join(folder, 'data'), 'correct horse\n')
  await symlink('data', join(folder, 'passphrase'))
  const key = join(folder, 'beto.key')
  const args = ['keys', 'new', key, '--passphrase-file', join(folder, 'passphrase'), '--json']
  const made = await chasqui(folder, args)
  assert.equal(made.status, 0, made.stderr)
  assert.ok((await stat(key)).isFile())
})
