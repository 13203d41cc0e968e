// What a fuzz test needs to know of a format: a real file of it, and its parser.
export interface Sample {
  name: string
  real: Uint8Array
  /** reads it as the program does; may be async */
  parse(bytes: Uint8Array): unknown
  /** for JSON: its document, of which values are changed one by one, and how the changed text becomes a file */
  json?: { document: unknown; wrap?(text: string): Uint8Array }
}

/** A format whose file is JSON text. */
export function jsonSample(name: string, real: Uint8Array, parse: Sample['parse']): Sample {
  return { name, real, parse, json: { document: JSON.parse(Buffer.from(real).toString('utf8')) } }
}
