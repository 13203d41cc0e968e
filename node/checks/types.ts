// What a check says. No code.

export interface CheckResult {
  name: string
  kind: string
  ok: boolean
  /** the module in which something is wrong, where that can be told */
  module?: string
  /** what was seen, in one line */
  message: string
  /** tries that it took */
  tries: number
  /** milliseconds */
  ms: number
  /** what it printed, the end of it */
  output?: string
}
