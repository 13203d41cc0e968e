// `npm run sim`: gossip of 10,000 branches in virtual time with the real reconciliation code: rounds until everybody knows
// everything, bytes per meeting, beside the log₂ n of push-pull theory. Writes bench/out/gossip-sim.svg.
// Options: --branches N --seed N.
import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { RECORD_BYTES } from '../test/sim/fleet.ts'
import { everybodyMeets, mixedFleet, type Round, spread } from '../test/sim/rounds.ts'

const { values } = parseArgs({
  options: { branches: { type: 'string', default: '10000' }, seed: { type: 'string', default: '1' } }
})
const branches = Number(values.branches)
const results: { name: string; rounds: Round[] }[] = []

console.log(
  `${branches} branches, one record of ${RECORD_BYTES} bytes each, log2 n = ${Math.log2(branches).toFixed(1)}`
)
for (const scenario of [everybodyMeets(branches), mixedFleet(branches)]) {
  const rounds: Round[] = []
  console.log(`\n${scenario.name}\n round     known   records/meeting     bytes/meeting   of these comparing`)
  for (const round of spread(scenario, Number(values.seed))) {
    rounds.push(round)
    console.log(
      `${String(round.round).padStart(6)} ${(round.known * 100).toFixed(3).padStart(8)} %` +
        `${String(round.moved).padStart(18)}${String(round.bytes).padStart(18)}${String(round.comparing).padStart(21)}`
    )
  }
  results.push({ name: scenario.name, rounds })
}

const folder = join(import.meta.dirname, 'out')
await mkdir(folder, { recursive: true })
await writeFile(join(folder, 'gossip-sim.svg'), plot(results))
console.log(`\nplot: ${join('bench', 'out', 'gossip-sim.svg')}`)

function plot(lines: { name: string; rounds: Round[] }[]): string {
  const [width, height, left, bottom] = [640, 320, 60, 40]
  const last = Math.max(...lines.map(({ rounds }) => rounds.length))
  const x = (round: number) => left + (round / last) * (width - left - 20)
  const y = (share: number) => height - bottom - share * (height - bottom - 20)
  const colours = ['#0b6e99', '#c25b12']
  const curves = lines.map(({ name, rounds }, at) => {
    const points = rounds
      .map((round) => `${x(round.round).toFixed(1)},${y(round.known).toFixed(1)}`)
      .join(' ')
    return `<polyline fill="none" stroke="${colours[at]}" stroke-width="2" points="${x(0)},${y(0)} ${points}"/>
<text x="${width - 20}" y="${height - bottom - 40 + at * 16}" text-anchor="end" fill="${colours[at]}">${name}: ${rounds.length} rounds</text>`
  })
  const bound = x(Math.log2(branches))
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" font-family="sans-serif" font-size="12">
<rect width="100%" height="100%" fill="white"/>
<line x1="${left}" y1="${y(0)}" x2="${width - 20}" y2="${y(0)}" stroke="#888"/><line x1="${left}" y1="${y(0)}" x2="${left}" y2="${y(1)}" stroke="#888"/>
<line x1="${bound}" y1="${y(0)}" x2="${bound}" y2="${y(1)}" stroke="#888" stroke-dasharray="4"/><text x="${bound + 4}" y="${y(1) + 12}" fill="#666">log2 n</text>
<text x="${left - 8}" y="${y(1) + 4}" text-anchor="end">100 %</text><text x="${left - 8}" y="${y(0) + 4}" text-anchor="end">0</text>
<text x="${(width + left) / 2}" y="${height - 8}" text-anchor="middle">rounds (of ${last})</text>
${curves.join('\n')}
</svg>
`
}
