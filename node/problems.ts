// What goes wrong in the rounds of the daemon: shown and told once, until it is right again or nobody wants it any more.
import type { ControlEvent } from '../src/control/commands.ts'
import { asChasquiError } from '../src/errors.ts'
import type { NodeApp } from './app.ts'

export interface ProblemParts {
  app: Pick<NodeApp, 'problems' | 'log'>
  emit(event: ControlEvent): void
  /** what fails once this is aborted is no problem */
  stop: AbortSignal
}

export class Problems {
  readonly #parts: ProblemParts
  /** pieces of work that this round has come to */
  readonly #touched = new Set<string>()

  constructor(parts: ProblemParts) {
    this.#parts = parts
  }

  /** A round begins. */
  begin(): void {
    this.#touched.clear()
  }

  /** Runs a piece of a round; what goes wrong is a problem to be shown, and does not stop the rest. */
  async guard<T>(where: string, work: () => Promise<T>): Promise<T | null> {
    this.#touched.add(where)
    try {
      const result = await work()
      this.right(where)
      return result
    } catch (error) {
      if (!this.#parts.stop.aborted) this.fail(where, error)
      return null
    }
  }

  fail(where: string, error: unknown): void {
    const { problems, log } = this.#parts.app
    const { code, message } = asChasquiError(error)
    const known = problems.get(where)
    problems.set(where, { code, message })
    if (known?.message === message) return
    log.warn({ err: error, where }, message)
    this.#parts.emit({ event: 'problem', where, code, message })
  }

  /** It is right again. */
  right(where: string): void {
    this.#parts.app.problems.delete(where)
  }

  /** What was a problem of these kinds and was not come to in this round is none: nobody wants it any more. */
  forget(...kinds: string[]): void {
    for (const where of this.#parts.app.problems.keys()) {
      const isOfThem = kinds.some((kind) => where.startsWith(kind))
      if (isOfThem && !this.#touched.has(where)) this.right(where)
    }
  }
}
