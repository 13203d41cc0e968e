// What is shown as a QR code is the code of that very text.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { encode } from 'uqr'
import { BORDER, qrCode } from '../src/cli/qr-code.ts'

/** A character is two light (true) or dark modules, one over the other. */
const HALVES: Record<string, [boolean, boolean]> = {
  '█': [true, true],
  '▀': [true, false],
  '▄': [false, true],
  ' ': [false, false]
}

test('every module of the code is on the terminal, with a quiet zone', () => {
  const text = 'chasqui-invite-'.repeat(40)
  const { data, size } = encode(text, { ecc: 'L', border: BORDER })
  const rows = qrCode(text).split('\n')
  const shown = rows.flatMap((row) => {
    const halves = [...row].map((sign) => HALVES[sign] ?? assert.fail(`a sign that is none: ${sign}`))
    return [halves.map(([upper]) => upper), halves.map(([, lower]) => lower)]
  })
  const light = data.map((row) => row.map((isDark) => !isDark))
  assert.deepEqual(shown.slice(0, size), light)
  assert.ok(light.slice(0, BORDER).flat().every(Boolean))
})

test('what no QR code can hold is refused', () => {
  assert.throws(() => qrCode('y'.repeat(3000)), { code: 'USAGE', message: /3000 characters/ })
})
