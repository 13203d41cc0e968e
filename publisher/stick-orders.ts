// "Apply now" orders that head office puts on a stick: signed with the publisher's node key, bound to that stick and branch.
import { ChasquiError } from '../src/errors.ts'
import { pointerOf } from '../src/fleet/channels.ts'
import { claimedOrder, encodeOrder, orderBytes } from '../src/stick/apply-order.ts'
import type { Letter, OrderRequest, StickVisit } from '../src/stick/home.ts'
import { formatTime, toHex } from '../src/trust/bytes.ts'
import { signBytes } from '../src/trust/keys.ts'
import type { PublisherApp } from './app.ts'

const LIFETIME = 14 * 24 * 60 * 60 * 1000 // milliseconds that a tech has to get there

/** Throws STICK_BRANCH_UNKNOWN, STICK_NOTHING_SELECTED. */
export async function signOrder(
  app: PublisherApp,
  { branch, module, version }: OrderRequest,
  visit: StickVisit
): Promise<Letter> {
  await app.records.open()
  const node = findNode(app, branch)
  const track = await findTrack(app, module, version)
  const id = toHex(app.random(16))
  const order = {
    id,
    fleet: app.fleet.id,
    node,
    module,
    track,
    version,
    stick: visit.id,
    sequence: visit.sequence,
    created: formatTime(app.now()),
    expires: formatTime(app.now() + LIFETIME)
  }
  const signature = signBytes(orderBytes(order), app.member.keyPair.secretKey)
  return {
    folder: 'grants',
    name: `apply-${id}.json`,
    bytes: encodeOrder(order, app.member.membership, signature)
  }
}

/** An order of this fleet that ran out. By what it claims, for it is only taken off the stick. */
export function isSpentOrder(app: PublisherApp, { folder, name, bytes }: Letter): boolean {
  if (folder !== 'grants' || !name.startsWith('apply-')) return false
  const order = claimedOrder(bytes)
  return order !== null && order.fleet === app.fleet.id && Date.parse(order.expires) <= app.now()
}

function findNode(app: PublisherApp, branch: string): string {
  const found = app.records.set
    .list('report')
    .map(({ member }) => member)
    .filter(({ node, name, role }) => role === 'branch' && (node === branch || name === branch))
  const [member] = found
  if (member !== undefined && found.length === 1) return member.node
  const what =
    found.length > 1 ? `${found.length} branches are named` : 'there is no report of a branch named'
  throw new ChasquiError('STICK_BRANCH_UNKNOWN', `${what} ${branch}`, {
    hint: 'see "publisher branches": an order needs the node key, which comes with the first report'
  })
}

async function findTrack(app: PublisherApp, module: string, version: string): Promise<string> {
  const { trust, channels } = await app.fleet.view()
  const tracks = (await trust.listReleases(module)).filter((release) => release.version === version)
  const [release] = tracks
  const isOffered =
    release !== undefined &&
    Object.keys(channels.channels).some(
      (channel) => pointerOf(channels, channel, module, release.track)?.version === version
    )
  if (release !== undefined && tracks.length === 1 && isOffered) return release.track
  const some =
    tracks.length > 1 ? 'is on several tracks' : 'is on no channel, so that no branch would take it'
  throw new ChasquiError(
    'STICK_NOTHING_SELECTED',
    `${module}@${version} ${release === undefined ? 'is not published' : some}`,
    { hint: 'see "publisher releases"' }
  )
}
