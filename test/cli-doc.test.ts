// docs/CLI.md names every command that there is, and only those.
import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import type { Command } from 'commander'
import { nodeCommands } from '../node/main.ts'
import { publisherCommands } from '../publisher/main.ts'
import { EXIT } from '../src/errors.ts'
import { usbSyncCommands } from '../usb-sync/main.ts'

const document = readFileSync(join(import.meta.dirname, '..', 'docs', 'CLI.md'), 'utf8')
const nobody = async () => undefined
const groups = [publisherCommands(), nodeCommands(), usbSyncCommands({ publisher: nobody, node: nobody })]

/** "keys rotate" */
function leaves(command: Command, above = ''): string[] {
  return command.commands.flatMap((one) => {
    const path = `${above} ${one.name()}`.trim()
    return one.commands.length === 0 ? [path] : leaves(one, path)
  })
}

for (const group of groups) {
  test(`docs/CLI.md has the commands of ${group.name()}`, () => {
    const section = document.split(`## \`chasqui ${group.name()}\`\n`)[1]?.split('\n## ')[0] ?? ''
    const rows = [...section.matchAll(/^\| (`.*?) \| /gm)].map(([, cell = '']) => cell)
    const named = rows.flatMap((cell) => [...cell.matchAll(/`([^`]+)`/g)].map(([, words = '']) => words))
    const commands = named.map(
      (words) => /^[a-z -]*[a-z](?= |$)/.exec(words)?.[0].replace(/ --.*/, '') ?? words
    )
    assert.deepEqual([...new Set(commands)].sort(), leaves(group).sort())
  })
}

test('docs/CLI.md has every exit status', () => {
  const statuses = [...document.matchAll(/^\| (\d) \|/gm)].map(([, status]) => Number(status))
  assert.deepEqual(statuses, Object.values(EXIT))
})
