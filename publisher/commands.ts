// The publisher's commands as data: run by its daemon when there is one, else directly on the home.
import { type Command, type CommandContext, type CommandTable, runOnHome } from '../src/control/commands.ts'
import { asChasquiError } from '../src/errors.ts'
import { linkCommands } from '../src/member/link-commands.ts'
import { stickCommands } from '../src/stick/commands.ts'
import type { StickHome } from '../src/stick/home.ts'
import { type HomePaths, readHome } from '../src/system/home.ts'
import { openPublisher, type PublisherApp } from './app.ts'
import { promote, rollout, yank } from './channels.ts'
import { fleetOverview } from './fleet.ts'
import { grantBranch } from './grant-branch.ts'
import { backupKeys } from './keys/backup.ts'
import { listKeys } from './keys/list.ts'
import { endRecovery } from './keys/recover-end.ts'
import { listRequests, showRequest } from './keys/requests.ts'
import { rotateKey } from './keys/rotate.ts'
import { rotateFeed } from './keys/rotate-feed.ts'
import { signOnHome } from './keys/sign.ts'
import { changeSigners, delegate, endDelegation } from './keys/signers.ts'
import { linkView } from './links.ts'
import { invite, listBranches } from './members.ts'
import { prune } from './prune.ts'
import { publish } from './publish/publish.ts'
import { diffReleases, listReleases, showRelease } from './queries.ts'
import { readmit, revoke } from './revoke.ts'
import { publisherStickHome } from './stick-home.ts'
import { oneChange } from './turns.ts'

const stickHomes = new WeakMap<PublisherApp, StickHome>()

/** One per app, so that commands and the watcher take turns. */
export function stickHome(app: PublisherApp): StickHome {
  const home = stickHomes.get(app) ?? publisherStickHome(app)
  stickHomes.set(app, home)
  return home
}

/** Whoever has gone while a change waited for its turn does not want it any more. Throws CANCELLED. */
function inTurn(work: Command<PublisherApp>): Command<PublisherApp> {
  return (app, args, context) =>
    oneChange(app, async () => {
      if (context.signal.aborted) throw asChasquiError(context.signal.reason)
      return work(app, args, context)
    })
}

export const publisherTable: CommandTable<PublisherApp> = {
  publish: inTurn(publish),
  promote: inTurn(promote),
  rollout: inTurn(rollout),
  yank: inTurn(yank),
  revoke: inTurn(revoke),
  readmit: inTurn(readmit),
  prune: inTurn(prune),
  delegate: inTurn(delegate),
  'delegate.end': inTurn(endDelegation),
  sign: inTurn(signOnHome),
  'requests.list': inTurn(listRequests),
  'requests.show': showRequest,
  'keys.rotate': inTurn(rotateKey),
  'keys.rotate-feed': inTurn(rotateFeed),
  'recover.end': inTurn(endRecovery),
  'keys.signers': inTurn(changeSigners),
  'keys.backup': backupKeys,
  'keys.list': listKeys,
  grant: inTurn(grantBranch),
  invite,
  branches: listBranches,
  fleet: fleetOverview,
  releases: listReleases,
  show: showRelease,
  diff: diffReleases,
  ...linkCommands(linkView),
  ...stickCommands(stickHome)
}

/** Runs a command on a publisher's home, through its daemon or directly. Throws what the command throws, HOME_*. */
export async function runPublisherCommand(
  paths: HomePaths,
  name: string,
  args: unknown,
  context: CommandContext
): Promise<unknown> {
  await readHome(paths, 'publisher')
  const load = async () => ({ commands: publisherTable, open: () => openPublisher(paths) })
  return runOnHome({ paths, name, args, context, load })
}
