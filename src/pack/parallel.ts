// Asynchronous work in bounded numbers: by count, by bytes of memory, and results put back in order.

/** Runs `task` on every item, at most `limit` at a time. The first failure rejects; running tasks end before it does. */
export async function inParallel<Item, Result>(
  items: readonly Item[],
  limit: number,
  task: (item: Item, index: number) => Promise<Result>
): Promise<Result[]> {
  const results = new Array<Result>(items.length)
  let next = 0
  let failed = false
  const worker = async () => {
    while (next < items.length && !failed) {
      const index = next++
      try {
        results[index] = await task(items[index] as Item, index)
      } catch (error) {
        failed = true
        throw error
      }
    }
  }
  const workers = await Promise.allSettled(Array.from({ length: Math.min(limit, items.length) }, worker))
  for (const outcome of workers) if (outcome.status === 'rejected') throw outcome.reason
  return results
}

/** Tasks in parallel, as many as a budget of bytes allows; one that is larger than the budget runs alone. */
export class Budget {
  readonly #total: number
  #used = 0
  #waiting: (() => void)[] = []

  constructor(total: number) {
    this.#total = total
  }

  /** Starts tasks in order; each waits for its share. The first failure rejects, once all running ones have ended. */
  async run<Item>(
    items: readonly Item[],
    cost: (item: Item) => number,
    task: (item: Item, index: number) => Promise<void>
  ): Promise<void> {
    const running: Promise<void>[] = []
    let failure: { error: unknown } | null = null
    for (const [index, item] of items.entries()) {
      const share = Math.min(cost(item), this.#total)
      while (this.#used + share > this.#total)
        await new Promise<void>((resolve) => this.#waiting.push(resolve))
      if (failure !== null) break
      this.#used += share
      const run = task(item, index)
        .catch((error: unknown) => {
          failure ??= { error }
        })
        .finally(() => {
          this.#used -= share
          for (const wake of this.#waiting.splice(0)) wake()
        })
      running.push(run)
    }
    await Promise.all(running)
    if (failure !== null) throw (failure as { error: unknown }).error
  }
}

/** Hands results on in the order of their numbers, however they come. */
export class InOrder<Item> {
  readonly #waiting = new Map<number, Item>()
  readonly #take: (item: Item) => Promise<void>
  #next = 0
  #tail: Promise<void> = Promise.resolve()

  constructor(take: (item: Item) => Promise<void>) {
    this.#take = take
  }

  put(index: number, item: Item): Promise<void> {
    this.#waiting.set(index, item)
    this.#tail = this.#tail.then(async () => {
      for (let ready = this.#waiting.get(this.#next); ready; ready = this.#waiting.get(this.#next)) {
        this.#waiting.delete(this.#next++)
        await this.#take(ready)
      }
    })
    return this.#tail
  }
}
