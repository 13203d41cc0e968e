// What the demo tells: numbered steps in a line or two each, with bytes and times, for people and for --json.
import type { Output } from '../cli/output.ts'

export interface TellingStep {
  title: string
  lines: string[]
  /** milliseconds */
  ms: number
}

export class Narration {
  readonly steps: TellingStep[] = []
  private readonly output: Output
  private readonly startedAt = performance.now()

  constructor(output: Output) {
    this.output = output
  }

  /** Runs one step; what it says is printed as it goes. */
  async step<T>(title: string, act: (say: (line: string) => void) => Promise<T>): Promise<T> {
    const startedAt = performance.now()
    const step: TellingStep = { title, lines: [], ms: 0 }
    this.steps.push(step)
    const at = (this.elapsed / 1000).toFixed(1).padStart(5)
    this.print(`${this.output.style('dim', `${at} s`)}  ${this.output.style('bold', title)}`)
    const result = await act((line) => {
      step.lines.push(line)
      this.print(`         ${line}`)
    })
    step.ms = Math.round(performance.now() - startedAt)
    return result
  }

  /** milliseconds since the demo began */
  get elapsed(): number {
    return performance.now() - this.startedAt
  }

  print(text: string): void {
    if (this.output.options.json) this.output.note(text)
    else this.output.stream({ event: 'narration', text }, text)
  }
}
