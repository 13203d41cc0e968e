// Work that must not overlap: one piece after the other, whoever asks for it and however the one before has ended.

export class Turns {
  #last: Promise<unknown> = Promise.resolve()
  #open = 0

  /** Has something been asked for that has not ended? */
  get isBusy(): boolean {
    return this.#open > 0
  }

  /** Does `work` when everything has ended that was asked for before; gives, or throws, what it does. */
  take<T>(work: () => Promise<T>): Promise<T> {
    this.#open++
    const result = this.#last.then(work).finally(() => this.#open--)
    this.#last = result.catch(() => undefined)
    return result
  }

  /** Returns when everything has ended that was asked for until now. */
  async ended(): Promise<void> {
    await this.#last
  }
}
