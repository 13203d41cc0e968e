// The nearest of some known words to one that was mistyped.

/** The known word with the fewest edits (at most a third of its length, at least two allowed), or null. */
export function nearest(word: string, known: readonly string[]): string | null {
  let best: string | null = null
  let fewest = Number.POSITIVE_INFINITY
  for (const candidate of known) {
    const edits = editDistance(word.toLowerCase(), candidate.toLowerCase())
    if (edits < fewest) {
      best = candidate
      fewest = edits
    }
  }
  return best !== null && fewest <= Math.max(2, Math.floor(best.length / 3)) ? best : null
}

/** Levenshtein's distance; words longer than 100 characters are cut. */
function editDistance(a: string, b: string): number {
  const left = a.slice(0, 100)
  const right = b.slice(0, 100)
  let row = Array.from({ length: right.length + 1 }, (_, i) => i)
  for (let i = 1; i <= left.length; i++) {
    const next = [i]
    for (let j = 1; j <= right.length; j++) {
      const replaced = (row[j - 1] as number) + (left[i - 1] === right[j - 1] ? 0 : 1)
      next.push(Math.min(replaced, (row[j] as number) + 1, (next[j - 1] as number) + 1))
    }
    row = next
  }
  return row[right.length] as number
}
