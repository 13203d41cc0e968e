// A text as a QR code of half-block characters, two modules to a character. Light on the terminal's dark ground: the reverse,
// on a light one, is read by phones too.
import { encode, renderUnicodeCompact } from 'uqr'
import { ChasquiError } from '../errors.ts'

/** modules of quiet zone around it */
export const BORDER = 4

/** Throws USAGE for what no QR code can hold (2,953 bytes). */
export function qrCode(text: string): string {
  try {
    encode(text, { ecc: 'L', border: BORDER })
  } catch (cause) {
    throw new ChasquiError('USAGE', `${text.length} characters are too many for a QR code`, {
      cause,
      hint: 'name fewer peers, or take it in a file with --out'
    })
  }
  return renderUnicodeCompact(text, { ecc: 'L', border: BORDER })
}
