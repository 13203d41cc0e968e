// Work that must not overlap: one piece after the other, whoever asks for it and however the one before has ended.

export class Turns {
  #last: Promise<unknown> = Promise.resolve()

  /** Does `work` when everything has ended that was asked for before; gives, or throws, what it does. */
  take<T>(work: () => Promise<T>): Promise<T> {
    const result = this.#last.then(work)
    this.#last = result.catch(() => undefined)
    return result
  }

  /** Returns when everything has ended that was asked for until now. */
  async ended(): Promise<void> {
    await this.#last
  }
}
