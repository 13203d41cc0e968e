// The fleet as head office sees it from reports that nobody has made sense of beforehand.
import assert from 'node:assert/strict'
import { join } from 'node:path'
import { test } from 'node:test'
import { fleetOverview } from '../../publisher/fleet.ts'
import { invite } from '../../publisher/members.ts'
import { join1, report } from './joined.ts'
import { makePublisher, temporaryFolder } from './support.ts'

test('a member that reports nonsense is shown as such, and hides nobody else', async (t) => {
  const folder = await temporaryFolder(t)
  const app = await makePublisher(t, join(folder, 'home'))
  for (const name of ['Norte', 'Sur']) {
    const member = join1((await invite(app, { name })).invite)
    await report(app, member, 1, name === 'Sur' ? Buffer.from('nonsense') : undefined)
  }
  const { branches } = await fleetOverview(app)
  assert.deepEqual(
    branches.map(({ name, problems }) => [name, problems.map(({ code }) => code)]),
    [
      ['Norte', []],
      ['Sur', ['REPORT_INVALID']]
    ]
  )
})
