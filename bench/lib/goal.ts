// A goal beside a measured value, in words: a bench prints it and whoever reads decides.

/** `goal ≤ 130 MB: met` */
export function atMost(value: number, goal: number, unit = ''): string {
  return `goal ≤ ${goal}${unit}: ${value <= goal ? 'met' : 'MISSED'}`
}

/** `goal within 5 %: met` of a share of what was asked for */
export function within(share: number, percent: number): string {
  return `goal within ${percent} %: ${Math.abs(share - 1) * 100 <= percent ? 'met' : 'MISSED'}`
}
