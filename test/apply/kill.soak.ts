import { test } from 'node:test'
import { killApplies, postgresCtl } from './kill.ts'
import { startPostgres, whyNoPostgres } from './postgres.ts'

for (const kind of ['directory', 'overlay'] as const) {
  test(`kill -9 at 50 random moments of real applies leaves old or new, whole (${kind})`, async (t) => {
    const tally = await killApplies({ kind, kills: 50, random: Math.random })
    t.diagnostic(JSON.stringify(tally))
  })
}

const reason = whyNoPostgres()
test('kill -9 at 200 random moments with a real PostgreSQL: files and database agree, no sale is lost', {
  ...(reason === undefined ? {} : { skip: reason })
}, async (t) => {
  const kills = Number(process.env.CHASQUI_KILLS ?? 200)
  const cluster = await startPostgres()
  try {
    const ctl = postgresCtl(cluster.host, cluster.bin)
    const tally = await killApplies({ kind: 'directory', kills, ctl, random: Math.random })
    t.diagnostic(JSON.stringify(tally))
  } finally {
    await cluster.stop()
  }
})
