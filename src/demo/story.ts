// What happens in the demo, in order. Three branches get the same releases by three ways: over a DHT, by a static address,
// and on a stick only. One release is broken; every till goes back by itself and sells on.
import { join } from 'node:path'
import { startLocalDht } from '../net/testnet.ts'
import {
  closeTills,
  DELTA,
  FIRST,
  FIX,
  failedUpdate,
  hearFrom,
  type Say,
  type Scene,
  TILL_MODULE,
  takeStick,
  update
} from './acts.ts'
import { Branch } from './branch.ts'
import { Headquarters } from './headquarters.ts'
import { type BranchSummary, describePublish, fleetTable } from './telling.ts'

export async function tellStory(scene: Scene): Promise<BranchSummary[]> {
  const { dir, narration, processes } = scene
  const publisher = new Headquarters(join(dir, 'publisher'), processes)

  await narration.step('A publisher makes its keys and its feed', async (say) => {
    const { feed, keys } = await publisher.init('Tienda Central')
    say(`${keys} keys, feed ${feed.slice(0, 16)}…`)
  })
  await narration.step('It publishes an Odoo addon set in one step', async (say) => {
    say(describePublish(await publisher.publish(1)))
  })
  const branches = await narration.step('Three branches join, each with its own invite', (say) =>
    joinBranches(scene, publisher, say)
  )
  const [north, centre, forest] = branches
  const online = [north, centre]

  await narration.step('The two branches with a network install', async (say) => {
    await Promise.all(online.map((branch) => update(branch, FIRST, say)))
    for (const branch of online) branch.openForCustomers()
    say('their tills open: from now on customers buy, all the time')
  })
  await narration.step('The third has no network: a stick brings everything', async (say) => {
    await takeStick(scene, publisher, forest, FIRST, say)
    forest.openForCustomers()
  })
  await narration.step(
    'Version 2: new files, changed, deleted and renamed ones, a migration',
    async (say) => {
      say(describePublish(await publisher.publish(2)))
      await Promise.all(online.map((branch) => update(branch, DELTA, say)))
    }
  )
  await narration.step('Version 3 is broken: it names a tax that nobody has', async (say) => {
    say(describePublish(await publisher.publish(3)))
    await Promise.all(online.map((branch) => failedUpdate(branch, say)))
  })
  await narration.step('Version 4 mends it', async (say) => {
    say(describePublish(await publisher.publish(4)))
    await Promise.all(online.map((branch) => update(branch, FIX, say)))
  })
  await narration.step('The stick goes once more, and brings the third report home', async (say) => {
    await takeStick(scene, publisher, forest, FIX, say)
    const rows = await hearFrom(publisher, branches)
    say(`the publisher knows what ${rows.length} branches run`)
    narration.print(fleetTable(TILL_MODULE, rows))
  })
  return narration.step('The tills close: is every sale still there?', (say) => closeTills(branches, say))
}

async function joinBranches(
  { dir, processes, closers }: Scene,
  publisher: Headquarters,
  say: Say
): Promise<[Branch, Branch, Branch]> {
  const dht = await startLocalDht()
  closers.push(() => dht.close())
  const bootstrap = dht.bootstrap.flatMap((address) => ['--bootstrap', address])
  const names = [
    { folder: 'norte', name: 'Sucursal Norte', link: 'internet (DHT)' },
    { folder: 'centro', name: 'Sucursal Centro', link: 'static address' },
    { folder: 'selva', name: 'Puesto Selva', link: 'stick only' }
  ]
  const make = async ({ folder, ...rest }: (typeof names)[number]) => {
    const branch = await Branch.create({ processes, folder: join(dir, folder), ...rest })
    closers.push(() => branch.close())
    return branch
  }
  const [branches] = await Promise.all([
    Promise.all(names.map(make)) as Promise<[Branch, Branch, Branch]>,
    publisher.run(['--no-lan', ...bootstrap])
  ])
  await Promise.all(branches.map(async (branch) => branch.join(await publisher.invite(branch.name))))
  const [north, centre] = branches
  await Promise.all([
    north.run(['--no-lan', ...bootstrap]),
    centre.run(['--no-lan', '--no-internet', '--peer', `127.0.0.1:${publisher.port}`])
  ])
  say(branches.map((branch) => `${branch.name}: ${branch.link}`).join(' · '))
  return branches
}
