// Every error that a user can see: its code, the exit status and what it means. docs/ERRORS.md is made from this
// table (npm run docs:errors) and a test holds the two together. Nothing here does any work.

/** Exit statuses of the command line (CLI contract). */
export const EXIT = {
  done: 0,
  unexpected: 1,
  usage: 2,
  refused: 3,
  notFound: 4,
  preflight: 5,
  rolledBack: 6,
  rollbackFailed: 7,
  busy: 8,
  unreachable: 9
} as const

type Exit = (typeof EXIT)[keyof typeof EXIT]

/** code → exit status and meaning. Keep each group sorted; a code never changes its meaning. */
const TABLE = {
  // anything
  UNEXPECTED: {
    exit: EXIT.unexpected,
    meaning: 'something failed that Chasqui has no name for; the log has the details'
  },
  USAGE: { exit: EXIT.usage, meaning: 'the command line does not fit the command' },
  DEMO_FAILED: {
    exit: EXIT.unexpected,
    meaning: 'a step of the demo did not end as it should'
  },
  NODE_TOO_OLD: {
    exit: EXIT.usage,
    meaning: 'the launcher was started by an old Node and found no newer one beside Chasqui'
  },
  CANCELLED: {
    exit: EXIT.unexpected,
    meaning: 'stopped on request before it was done; nothing half-done is left'
  },

  // homes and configuration
  CONFIG_INVALID: {
    exit: EXIT.usage,
    meaning: 'chasqui.toml has a value of the wrong type or outside its range'
  },
  CONFIG_SYNTAX: { exit: EXIT.usage, meaning: 'chasqui.toml is not valid TOML' },
  CONFIG_UNKNOWN_KEY: { exit: EXIT.usage, meaning: 'chasqui.toml has a key that Chasqui does not know' },
  HOME_EXISTS: { exit: EXIT.usage, meaning: 'the home already holds a publisher or a node' },
  HOME_LOCKED: { exit: EXIT.busy, meaning: 'another process works on this home' },
  HOME_PATH_LONG: {
    exit: EXIT.usage,
    meaning: 'the path of the home is too long for the socket of its daemon'
  },
  HOME_MISSING: { exit: EXIT.notFound, meaning: 'there is no Chasqui home here' },
  HOME_NOT_OWNER: { exit: EXIT.usage, meaning: 'the home belongs to another user' },
  HOME_OTHER_ROLE: {
    exit: EXIT.usage,
    meaning: 'the home is a publisher where a node is needed, or the other way round'
  },
  HOME_DAMAGED: {
    exit: EXIT.unexpected,
    meaning: 'a file that the home cannot do without is missing or unreadable'
  },

  // disk and processes
  FILE_NOT_REGULAR: {
    exit: EXIT.refused,
    meaning: 'a regular file was expected; a link, a folder or a device is there'
  },
  FILE_TOO_LARGE: { exit: EXIT.refused, meaning: 'a file is larger than its format allows' },
  NOT_A_DIRECTORY: { exit: EXIT.usage, meaning: 'a directory was expected' },
  DISK_FULL: { exit: EXIT.preflight, meaning: 'there is not enough free space' },
  DISK_IO: { exit: EXIT.unexpected, meaning: 'the operating system reported a read or write error' },
  NO_PERMISSION: { exit: EXIT.preflight, meaning: 'the operating system refused access' },
  PROCESS_FAILED: { exit: EXIT.unexpected, meaning: 'a program that Chasqui ran ended with an error' },
  PROCESS_TIMEOUT: {
    exit: EXIT.unexpected,
    meaning: 'a program that Chasqui ran did not end in time and was killed'
  },

  // apply
  APPLY_BLOCKED: {
    exit: EXIT.rollbackFailed,
    meaning: 'an earlier transaction of this app could not be ended; nothing new is applied on top of it'
  },
  APPLY_HELD: { exit: EXIT.preflight, meaning: 'an operator has stopped this module' },
  APPLY_INCOMPATIBLE: {
    exit: EXIT.preflight,
    meaning: 'the release is not for this platform or this version of the application'
  },
  APPLY_INTERRUPTED: {
    exit: EXIT.rolledBack,
    meaning: 'the machine or the node stopped in the middle of an apply; the old version was put back'
  },
  APPLY_NOT_ADOPTED: {
    exit: EXIT.preflight,
    meaning: 'files that no transaction has put there are where a module would be installed'
  },
  APPLY_PLACE: {
    exit: EXIT.preflight,
    meaning: 'files cannot be exchanged at the configured path (mount point, symlink, other volume)'
  },
  APPLY_QUARANTINED: { exit: EXIT.preflight, meaning: 'the release failed here before' },
  APPLY_REQUIRES: {
    exit: EXIT.preflight,
    meaning: 'a module that the release needs is missing or has another version'
  },
  APPLY_TOOL_MISSING: { exit: EXIT.preflight, meaning: 'a program that the profile runs is not there' },
  APPLY_UNEXPECTED_VERSION: {
    exit: EXIT.preflight,
    meaning: 'the release was planned for another installed version than the one that is there'
  },
  BACKUP_FAILED: {
    exit: EXIT.rolledBack,
    meaning: 'the backup failed or cannot be read back whole; nothing was changed'
  },
  BACKUP_NOT_FOUND: { exit: EXIT.notFound, meaning: 'there is no such backup' },
  CHECK_FAILED: { exit: EXIT.rolledBack, meaning: 'the application does not do what its checks ask for' },
  CHECK_FAILING_BEFORE: {
    exit: EXIT.preflight,
    meaning: 'the application fails its checks already, before anything was changed'
  },
  CHECK_UNKNOWN: { exit: EXIT.usage, meaning: 'no check has that name' },
  DATABASE_MISSING: { exit: EXIT.preflight, meaning: 'a configured database does not exist' },
  DATABASE_NOT_ALLOWED: {
    exit: EXIT.preflight,
    meaning:
      'the database role lacks a right that a restore needs, or may not end a session that is in its way'
  },
  DATABASE_UNREACHABLE: { exit: EXIT.preflight, meaning: 'the database server does not answer' },
  DRIFT_REFUSED: {
    exit: EXIT.preflight,
    meaning: 'installed files were changed locally and the policy is to refuse'
  },
  JOURNAL_FAILED: {
    exit: EXIT.unexpected,
    meaning: 'the journal cannot be written; the transaction goes on when it can'
  },
  MIGRATION_FAILED: { exit: EXIT.rolledBack, meaning: 'the migration failed' },
  NOTHING_PENDING: { exit: EXIT.notFound, meaning: 'no transaction of the app waits to be ended' },
  NOT_INSTALLED: { exit: EXIT.notFound, meaning: 'the module is not installed in this app' },
  ODOO_CONFIG_INVALID: { exit: EXIT.usage, meaning: 'odoo.conf cannot be read or lacks what is needed' },
  ODOO_PENDING: {
    exit: EXIT.preflight,
    meaning: 'Odoo has modules that wait for an install, an upgrade or a removal'
  },
  REHEARSAL_FAILED: {
    exit: EXIT.rolledBack,
    meaning: 'the migration failed on a copy of the database; the application was never stopped'
  },
  REHEARSAL_IMPOSSIBLE: {
    exit: EXIT.rolledBack,
    meaning: 'there could be no copy of the database to rehearse on; the application was never stopped'
  },
  RESTORE_FAILED: {
    exit: EXIT.rollbackFailed,
    meaning: 'the old files or the old database could not be put back'
  },
  SERVICE_FAILED: { exit: EXIT.rolledBack, meaning: 'the application could not be stopped or started' },
  SERVICE_UNREACHABLE: {
    exit: EXIT.preflight,
    meaning: 'what manages the service (systemd, the Docker engine) does not answer'
  },
  STAGED_WRONG: {
    exit: EXIT.refused,
    meaning: 'the files that were unpacked are not the ones that were signed'
  },

  // links and gossip
  ADDRESS_IN_USE: { exit: EXIT.usage, meaning: 'another program listens on that address and port' },
  ADDRESS_NOT_HERE: { exit: EXIT.usage, meaning: 'no network card of this machine has that address' },
  ADMISSION_REFUSED: { exit: EXIT.refused, meaning: 'a peer did not prove that it belongs to this fleet' },
  PEER_ADDRESS_INVALID: { exit: EXIT.usage, meaning: 'a peer address is not of the form host:port' },
  RECORD_INVALID: {
    exit: EXIT.refused,
    meaning: 'a record from a peer or a stick is damaged, forged or from a stranger'
  },

  // members
  BRANCH_NOT_FOUND: { exit: EXIT.notFound, meaning: 'no branch has that name or id' },

  // feed
  BLOCK_MISSING: {
    exit: EXIT.notFound,
    meaning: 'bytes of the feed that are needed are not on this machine yet'
  },
  FEED_BEHIND: {
    exit: EXIT.refused,
    meaning: 'the publisher has less of its own feed than a peer holds; appending now would fork it'
  },
  FEED_CONFLICT: {
    exit: EXIT.refused,
    meaning: 'two signed histories of the feed were seen; it is frozen and what was here is kept'
  },
  FEED_RESTORED: {
    exit: EXIT.refused,
    meaning: 'the home was made of a key backup; appending to the feed of the lost machine could fork it'
  },
  FEED_DAMAGED: { exit: EXIT.unexpected, meaning: 'stored blocks of the feed are not what they should be' },
  FEED_EMPTY: { exit: EXIT.notFound, meaning: 'nothing of the feed is on this machine yet' },
  FEED_NO_FILE: { exit: EXIT.notFound, meaning: 'the feed has no such file' },
  PUBLISH_INTERRUPTED: {
    exit: EXIT.unexpected,
    meaning: 'a publish was cut while it was appended; the next command on the home finishes it'
  },
  STORE_MOVED: {
    exit: EXIT.refused,
    meaning: 'the store was copied from another place; going on with a copy could fork the feed'
  },

  // releases
  FILE_CHANGED: { exit: EXIT.preflight, meaning: 'a file changed while it was being read' },
  FILES_NO_BASE: {
    exit: EXIT.preflight,
    meaning: 'single files were to be published, but there is no earlier release'
  },
  FILES_NO_MATCH: { exit: EXIT.usage, meaning: 'no file fits the patterns that were given' },
  FILE_UNREADABLE: { exit: EXIT.preflight, meaning: 'a file of the module cannot be read' },
  IDENTITY_INVALID: {
    exit: EXIT.usage,
    meaning: 'a file that names the module and its version (package.json, version.txt) cannot be understood'
  },
  MANIFEST_INVALID: { exit: EXIT.refused, meaning: 'a file list does not follow its format' },
  MODULE_HAS_HOME: {
    exit: EXIT.usage,
    meaning: 'the folder of the module holds the home of a publisher or a node, with its keys'
  },
  MODULE_EMPTY: { exit: EXIT.usage, meaning: 'the module has no files to release' },
  MODULE_NONE: { exit: EXIT.notFound, meaning: 'no module was found in the folder' },
  MODULE_NAME_INVALID: { exit: EXIT.usage, meaning: 'the name of a module or track is not allowed' },
  ODOO_DEPENDENCY_MISSING: {
    exit: EXIT.preflight,
    meaning: 'an Odoo module depends on a module that is neither released nor given'
  },
  ODOO_MANIFEST_INVALID: { exit: EXIT.usage, meaning: 'an Odoo manifest is not plain, strict data' },
  ODOO_MIGRATION_ABOVE: {
    exit: EXIT.preflight,
    meaning: 'an Odoo module has a migration folder for a version above its own'
  },
  ODOO_WRONG_SERIES: { exit: EXIT.preflight, meaning: 'an Odoo module is of another series than the track' },
  PATH_BENEATH_FILE: { exit: EXIT.refused, meaning: 'a path lies beneath a file or a symlink' },
  PATH_COLLISION: {
    exit: EXIT.refused,
    meaning: 'two paths are the same on a file system that ignores case or Unicode form'
  },
  PATH_INVALID: {
    exit: EXIT.refused,
    meaning: 'a path is absolute, escapes its folder or is not clean text'
  },
  PATH_TOO_LONG: { exit: EXIT.refused, meaning: 'a path is longer than every system can hold' },
  PATH_UNPORTABLE: { exit: EXIT.refused, meaning: 'Windows cannot hold a file of that name' },
  RELEASE_INVALID: { exit: EXIT.refused, meaning: 'a release.json does not follow its format' },
  DOWNGRADE_REFUSED: {
    exit: EXIT.preflight,
    meaning: 'a channel would move to a lower version, and that was not asked for'
  },
  RELEASE_NOT_FOUND: { exit: EXIT.notFound, meaning: 'there is no such release' },
  RELEASE_YANKED: { exit: EXIT.preflight, meaning: 'the release was withdrawn' },
  SYMLINK_REFUSED: {
    exit: EXIT.refused,
    meaning: 'a symlink leaves the module, dangles, or is not allowed for this kind of release'
  },
  VERSION_EXISTS: {
    exit: EXIT.preflight,
    meaning: 'the version is already published with other content'
  },
  VERSION_INVALID: { exit: EXIT.usage, meaning: 'a version follows none of the known version orders' },
  VERSION_LOWER: { exit: EXIT.preflight, meaning: 'the version is lower than the last published one' },
  VERSION_MISSING: { exit: EXIT.usage, meaning: 'no version was found in the module and none was given' },
  VERSION_ORDER_CHANGED: {
    exit: EXIT.preflight,
    meaning: 'the version follows another order than the earlier releases of the module'
  },
  VERSION_RANGE_INVALID: { exit: EXIT.usage, meaning: 'a version range cannot be understood' },

  // packs
  BASE_DRIFTED: {
    exit: EXIT.preflight,
    meaning: 'files that an update builds on were changed and cannot be rebuilt here'
  },
  PACK_DAMAGED: {
    exit: EXIT.refused,
    meaning: 'a pack is not what the release says: a wrong byte or length'
  },
  PACK_LIMIT: { exit: EXIT.refused, meaning: 'a pack claims more files or bytes than is allowed' },
  PACK_MISSING: { exit: EXIT.notFound, meaning: 'no chain of packs leads to the release' },
  PACK_WRONG_BASE: { exit: EXIT.refused, meaning: 'a delta pack is for another base than what is here' },

  // apps and modules of a node
  APP_AMBIGUOUS: { exit: EXIT.usage, meaning: 'the node has several apps and none was named' },
  APP_UNKNOWN: { exit: EXIT.notFound, meaning: 'the node has no app with this name' },
  MODULE_UNKNOWN: { exit: EXIT.notFound, meaning: 'the node knows no module with this name' },

  // the plan: why something is not applied
  PLAN_DOWNGRADE: {
    exit: EXIT.preflight,
    meaning: 'the channel points below what is installed, and no release key has allowed it'
  },
  PLAN_HALTED: {
    exit: EXIT.preflight,
    meaning: 'the release is stopped: by the publisher, or by failures over the signed threshold'
  },
  PLAN_HELD: { exit: EXIT.preflight, meaning: 'an operator holds the module' },
  PLAN_INCOMPATIBLE: {
    exit: EXIT.preflight,
    meaning: 'the release is for another platform or another version of the application'
  },
  PLAN_MANUAL: { exit: EXIT.preflight, meaning: 'the policy of the app waits for a person to apply this' },
  PLAN_NO_ROUTE: {
    exit: EXIT.preflight,
    meaning: 'there is no way of packs from what is installed to the release'
  },
  LINKS_PAUSED: {
    exit: EXIT.unreachable,
    meaning: 'the packs are not here yet, and the links that could bring them carry no releases for now'
  },
  NO_PEER: { exit: EXIT.unreachable, meaning: 'no member of the fleet could be reached' },
  PLAN_NOT_ENTITLED: { exit: EXIT.preflight, meaning: 'the branch has no licence for the module' },
  PLAN_NOT_HERE: { exit: EXIT.unreachable, meaning: 'the packs are not here yet and no peer has them' },
  PLAN_QUARANTINED: {
    exit: EXIT.preflight,
    meaning: 'the release failed here before and is not tried again'
  },
  PLAN_RELEASE_MISSING: {
    exit: EXIT.preflight,
    meaning: 'a channel names a release that is not among the signed ones'
  },
  PLAN_REQUIRES: { exit: EXIT.preflight, meaning: 'another module is missing or has the wrong version' },
  PLAN_ROLLOUT: { exit: EXIT.preflight, meaning: 'the rollout has not reached this branch, or is paused' },
  PLAN_STALE: {
    exit: EXIT.preflight,
    meaning: 'the news from the publisher is too old and the policy is to hold'
  },
  PLAN_STEPPING_STONE: { exit: EXIT.preflight, meaning: 'an earlier release must be passed first' },
  PLAN_TRACK: {
    exit: EXIT.preflight,
    meaning: 'the module has several tracks and the app does not say which'
  },
  PLAN_WINDOW: { exit: EXIT.preflight, meaning: 'it is outside the window of the app' },
  PLAN_YANKED: { exit: EXIT.preflight, meaning: 'the release was withdrawn' },

  // channels, revocation and reports
  BRANCH_AMBIGUOUS: { exit: EXIT.usage, meaning: 'several invites are for a branch of this name' },
  CHANNELS_INVALID: { exit: EXIT.refused, meaning: 'channels.json breaks its format' },
  REPORT_INVALID: { exit: EXIT.refused, meaning: 'a report breaks its format' },
  REPORT_SEALED: { exit: EXIT.refused, meaning: 'a report is sealed to another key' },
  REVOKED_INVALID: { exit: EXIT.refused, meaning: 'the list of revoked members breaks its format' },

  // trust: TUF metadata, keys, invites, members
  CLOCK_BEHIND: {
    exit: EXIT.preflight,
    meaning: 'the clock of this machine is behind what was signed here before'
  },
  FLEET_MISMATCH: { exit: EXIT.refused, meaning: 'this belongs to another fleet' },
  FLEET_NOT_NAMED: {
    exit: EXIT.usage,
    meaning: 'a signature for a fleet that this machine does not know, and nobody confirmed its id'
  },
  FLOOR_LOWERED: {
    exit: EXIT.refused,
    meaning: 'a yank, a revocation or a channel was taken back without the signature that this needs'
  },
  GRANT_INVALID: {
    exit: EXIT.refused,
    meaning: 'a grant is damaged, is for another node, or was not signed by the publisher'
  },
  INVITE_DAMAGED: { exit: EXIT.refused, meaning: 'the invite is cut off or mistyped' },
  INVITE_EXPIRED: { exit: EXIT.refused, meaning: 'the invite was not used in time' },
  INVITE_NOT_FOUND: { exit: EXIT.notFound, meaning: 'what was given is neither an invite nor a file' },
  INVITE_PIN_NEEDED: { exit: EXIT.usage, meaning: 'the invite is protected with a PIN that was not given' },
  INVITE_PIN_WRONG: { exit: EXIT.refused, meaning: 'the PIN does not open the invite' },
  KEY_BACKUP_DAMAGED: { exit: EXIT.refused, meaning: 'the key backup is cut off or changed' },
  KEY_FILE_DAMAGED: { exit: EXIT.unexpected, meaning: 'a key file is cut off or changed' },
  KEY_MISSING: { exit: EXIT.notFound, meaning: 'a key that this needs is not in the home' },
  MEMBER_CLONED: {
    exit: EXIT.refused,
    meaning: 'the invite of this member belongs to another node, which the publisher has countersigned'
  },
  MEMBER_REVOKED: { exit: EXIT.refused, meaning: 'the publisher has revoked this member' },
  MEMBERSHIP_INVALID: {
    exit: EXIT.refused,
    meaning: 'a membership is damaged or was not signed by the publisher'
  },
  PASSPHRASE_NEEDED: {
    exit: EXIT.usage,
    meaning: 'the keys are protected with a passphrase that was not given'
  },
  PASSPHRASE_WRONG: { exit: EXIT.refused, meaning: 'the passphrase does not open the keys' },
  RECOVER_NOTHING: { exit: EXIT.unreachable, meaning: 'nobody has sent anything of the feed' },
  REQUEST_INVALID: { exit: EXIT.refused, meaning: 'a signing request is damaged or asks for something else' },
  REQUEST_NOT_FOUND: { exit: EXIT.notFound, meaning: 'there is no such signing request' },
  REQUEST_OUTDATED: {
    exit: EXIT.refused,
    meaning: 'something else was published after the signing request was made'
  },
  ROLE_NOT_NAMED: {
    exit: EXIT.usage,
    meaning: 'a signature would change who may do what, and the command does not name that role'
  },
  ROLE_NAME: { exit: EXIT.usage, meaning: 'a role, module or pattern has a name that cannot be delegated' },
  SECRET_FILE: {
    exit: EXIT.usage,
    meaning: 'the file that should hold a passphrase or PIN is missing or empty'
  },
  SIGNATURES_MISSING: {
    exit: EXIT.preflight,
    meaning: 'more people have to sign before this can be published'
  },
  TARGET_MISMATCH: { exit: EXIT.refused, meaning: 'a file is not the one that was signed' },
  TUF_EXPIRED: { exit: EXIT.refused, meaning: 'signed metadata has expired' },
  TUF_LIMIT: { exit: EXIT.refused, meaning: 'more versions or roles than one refresh may walk through' },
  TUF_MALFORMED: { exit: EXIT.refused, meaning: 'signed metadata is not in the right format' },
  TUF_MISMATCH: {
    exit: EXIT.refused,
    meaning: 'signed metadata does not fit together: hash, length or version'
  },
  TUF_MISSING: { exit: EXIT.notFound, meaning: 'signed metadata that is needed is not here' },
  TUF_ROLLBACK: { exit: EXIT.refused, meaning: 'signed metadata is older than what was accepted before' },
  TUF_SIGNATURES: { exit: EXIT.refused, meaning: 'signed metadata lacks signatures of the right keys' },
  TUF_TOO_LARGE: { exit: EXIT.refused, meaning: 'signed metadata is larger than allowed' },

  // sticks
  STICK_BRANCH_UNKNOWN: {
    exit: EXIT.notFound,
    meaning: 'no report of that branch is known here, or its name is not the only one'
  },
  STICK_BUSY: { exit: EXIT.busy, meaning: 'another program of this machine works on the stick' },
  STICK_DAMAGED: {
    exit: EXIT.refused,
    meaning: 'a file on the stick is cut off, has flipped bits or does not follow its format'
  },
  STICK_FORK: {
    exit: EXIT.refused,
    meaning: 'the stick carries another history of the feed than the one that this home has'
  },
  STICK_FULL: { exit: EXIT.preflight, meaning: 'what is to be written does not fit on the stick' },
  STICK_INCOMPLETE: {
    exit: EXIT.notFound,
    meaning: 'the stick lacks the part of the feed between what this home has and what the stick holds'
  },
  STICK_INSTALLER: { exit: EXIT.usage, meaning: 'a file cannot be put on a stick as an installer' },
  STICK_LINK: {
    exit: EXIT.refused,
    meaning: 'a link or a device is on the stick where a file or folder was expected'
  },
  STICK_MISSING: { exit: EXIT.notFound, meaning: 'there is no folder or drive at the path of the stick' },
  STICK_NOT_A_STICK: { exit: EXIT.notFound, meaning: 'the folder or drive holds no Chasqui stick' },
  STICK_NOT_OURS: {
    exit: EXIT.refused,
    meaning: 'the stick has a folder named chasqui that Chasqui did not write'
  },
  STICK_NOTHING_SELECTED: {
    exit: EXIT.notFound,
    meaning: 'no release fits the filter that was given for the stick'
  },
  STICK_ORDER: {
    exit: EXIT.refused,
    meaning:
      'an order on the stick to apply a release now is forged, used, expired or for another stick, or cannot be carried out now'
  },
  STICK_OTHER_FLEET: { exit: EXIT.refused, meaning: 'the stick carries only the feeds of other fleets' },
  STICK_PART: { exit: EXIT.usage, meaning: 'the part of a split export that was asked for does not exist' },
  STICK_READ_ONLY: { exit: EXIT.preflight, meaning: 'the stick cannot be written to' },
  STICK_REMOVED: { exit: EXIT.unexpected, meaning: 'the stick was pulled out while it was in use' },
  STICK_TAMPERED: {
    exit: EXIT.refused,
    meaning: 'the stick holds blocks that the publisher of the feed did not sign'
  },

  // control of a running daemon
  DAEMON_UNREACHABLE: { exit: EXIT.unreachable, meaning: 'no daemon answers on this home' }
} as const satisfies Record<string, { exit: Exit; meaning: string }>

export type ErrorCode = keyof typeof TABLE

export const ERROR_CODES: ReadonlyMap<ErrorCode, { exit: Exit; meaning: string }> = new Map(
  Object.entries(TABLE) as [ErrorCode, { exit: Exit; meaning: string }][]
)

export interface ErrorDetails {
  /** What the reader can do next, in lower case, no full stop. */
  hint?: string
  cause?: unknown
  /** the module whose fault it is, where that is known */
  module?: string
  /** numbers for programs, beside code and message in the error's JSON */
  numbers?: Readonly<Record<string, number>>
}

/** An error for people: a stable code, what happened to which thing, and what to do about it. */
export class ChasquiError extends Error {
  readonly code: ErrorCode
  readonly hint: string | undefined
  readonly module: string | undefined
  readonly numbers: Readonly<Record<string, number>>

  constructor(code: ErrorCode, message: string, details: ErrorDetails = {}) {
    super(message, details.cause === undefined ? undefined : { cause: details.cause })
    this.name = 'ChasquiError'
    this.code = code
    this.hint = details.hint
    this.module = details.module
    this.numbers = details.numbers ?? {}
  }

  get exit(): Exit {
    return TABLE[this.code].exit
  }
}

/** What to do next where an error has no hint of its own. */
const NEXT_STEP: Record<Exit, string> = {
  [EXIT.done]: 'nothing',
  [EXIT.unexpected]: 'run again with --verbose and look at the log',
  [EXIT.usage]: 'add --help to see how it is used',
  [EXIT.refused]: 'nothing of it was used: get it anew, from another place when it is refused again',
  [EXIT.notFound]: 'look whether it is named rightly, and here already',
  [EXIT.preflight]: 'nothing was changed: when the cause is gone, run the command again',
  [EXIT.rolledBack]: 'the former version is back; "chasqui node history" has the details',
  [EXIT.rollbackFailed]: 'see "chasqui node status", then run "chasqui node recover"',
  [EXIT.busy]: 'wait for the other program to end',
  [EXIT.unreachable]: 'run again when it can be reached'
}

/** An error as a person is to see it: with a hint in any case. */
export function withHint(error: ChasquiError): ChasquiError & { hint: string } {
  const { code, message, cause, module, numbers } = error
  const hint = error.hint ?? NEXT_STEP[error.exit]
  const details = { hint, cause, numbers, ...(module !== undefined && { module }) }
  return new ChasquiError(code, message, details) as ChasquiError & { hint: string }
}

/** An error as JSON: on stdout with --json, and between the daemon and the command line. */
export interface ErrorJson {
  code: string
  message: string
  hint?: string
  [number: string]: string | number | undefined
}

export function errorJson({ code, message, hint, numbers }: ChasquiError): ErrorJson {
  return { ...numbers, code, message, ...(hint === undefined ? {} : { hint }) }
}

/** Any thrown value as a ChasquiError: what a signal has stopped is CANCELLED; one that is not ours becomes UNEXPECTED with the original as its cause. */
export function asChasquiError(thrown: unknown): ChasquiError {
  if (thrown instanceof ChasquiError) return thrown
  if (thrown instanceof Error && thrown.name === 'AbortError') {
    return new ChasquiError('CANCELLED', 'stopped on request', {
      cause: thrown,
      hint: 'run the command again to have it done'
    })
  }
  const system = SYSTEM_CODES[(thrown as NodeJS.ErrnoException | null)?.code ?? '']
  const message = thrown instanceof Error ? thrown.message : String(thrown)
  return system === undefined
    ? new ChasquiError('UNEXPECTED', message, {
        cause: thrown,
        hint: 'run again with --verbose and look at the log'
      })
    : new ChasquiError(system.code, message, { cause: thrown, hint: system.hint })
}

const SYSTEM_CODES: Record<string, { code: ErrorCode; hint: string } | undefined> = {
  EADDRINUSE: {
    code: 'ADDRESS_IN_USE',
    hint: 'stop the other program, or choose another address'
  },
  ENOSPC: { code: 'DISK_FULL', hint: 'free some space and run the command again' },
  EDQUOT: { code: 'DISK_FULL', hint: 'free some space and run the command again' },
  EIO: { code: 'DISK_IO', hint: 'check the disk or the stick, and its cable' },
  EACCES: { code: 'NO_PERMISSION', hint: 'run as the owner of that file, or change its permissions' },
  EPERM: { code: 'NO_PERMISSION', hint: 'run as the owner of that file, or change its permissions' },
  EROFS: { code: 'NO_PERMISSION', hint: 'the disk is read-only: remount it writable' }
}
