// Every command of a node that works on an opened home: the same functions for the daemon and for the command line.
import type { CommandTable } from '../../src/control/commands.ts'
import { linkCommands } from '../../src/member/link-commands.ts'
import { stickCommands } from '../../src/stick/commands.ts'
import type { NodeApp } from '../app.ts'
import { linkView } from '../link-view.ts'
import { adopt } from './adopt.ts'
import { apply, remove, rollback } from './apply.ts'
import { doctor, fsck, gc, reload } from './care.ts'
import { check, peers, plan, status } from './plan.ts'
import { backups, history, hold, unhold, validate } from './records.ts'
import { recover } from './recover.ts'

export const nodeCommandTable: CommandTable<NodeApp> = {
  adopt,
  apply,
  backups,
  check,
  doctor,
  fsck,
  gc,
  history,
  hold,
  peers,
  plan,
  recover,
  reload,
  remove,
  rollback,
  status,
  unhold,
  validate,
  ...linkCommands(linkView),
  ...stickCommands((app: NodeApp) => app.stick)
}
