// When this node reports: whenever what it would say has changed, and when it is time. Rounds of the schedule and whoever
// watches a download that takes hours ask it; one report after the other.
import { Turns } from '../src/system/turns.ts'
import type { NodeApp } from './app.ts'
import { announceReport } from './report.ts'

export class Reporter {
  readonly #app: NodeApp
  readonly #reported: () => void
  #last = ''
  #at = 0
  readonly #turns = new Turns()

  /** @param reported called after each report */
  constructor(app: NodeApp, reported: () => void) {
    this.#app = app
    this.#reported = reported
  }

  /** What was said last, as a text to compare. */
  get last(): string {
    return this.#last
  }

  /** ms until a report is due although nothing has changed */
  get due(): number {
    const { config, now } = { config: this.#app.config.node, now: this.#app.now() }
    return Math.max(0, this.#at + config['report-every'] - now)
  }

  /** Reports if there is reason to. Throws what the state throws. */
  report(): Promise<void> {
    return this.#turns.take(() => this.#report())
  }

  async #report(): Promise<void> {
    const text = await this.#text()
    if (text === this.#last && this.due > 0) return
    if (!(await announceReport(this.#app))) return
    this.#last = text
    this.#at = this.#app.now()
    this.#reported()
  }

  async #text(): Promise<string> {
    const { engine, trust, problems, waiting, config } = this.#app
    const installed = await Promise.all(
      Object.keys(config.apps).map(async (name) => [name, await engine.installed(name)])
    )
    const [last] = await engine.history({ limit: 1 })
    const { freshness } = trust.view?.trust ?? {}
    return JSON.stringify([
      installed,
      last?.transaction,
      last?.endedAt,
      freshness?.version,
      [...problems.values()],
      [...waiting],
      config.apps
    ])
  }
}
