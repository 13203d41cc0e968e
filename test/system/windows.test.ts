import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { batchCommand } from '../../src/system/windows.ts'

describe('programs on Windows', () => {
  const rows: [command: string[], line: string | null][] = [
    [['C:\\app\\ctl.exe', 'stop'], null],
    [['C:\\app\\ctl', 'x.cmd'], null],
    [['C:\\app\\ctl.cmd', 'stop'], '""C:\\app\\ctl.cmd" "stop""'],
    [['C:\\my app\\CTL.BAT', 'a & del b', '^|<>'], '""C:\\my app\\CTL.BAT" "a & del b" "^|<>""']
  ]
  for (const [command, line] of rows) {
    it(`${command[0]} is ${line === null ? 'run as it is' : 'run by the shell, its words in quotes'}`, () => {
      const expected = line === null ? null : ['cmd.exe', '/d', '/v:off', '/s', '/c', line]
      assert.deepEqual(batchCommand(command), expected)
    })
  }

  for (const word of ['a"b', '%PATH%', 'a\nb', 'a\rb', 'a\0b']) {
    it(`a batch file is not given ${JSON.stringify(word)}`, () => {
      assert.throws(() => batchCommand(['ctl.cmd', word]), { code: 'PROCESS_FAILED' })
    })
  }
})
