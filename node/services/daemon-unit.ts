// The daemon as a service of the system: what is written for systemd, and for the task scheduler of Windows, which runs any
// program at boot and needs no other one beside it. Text only; install-daemon.ts installs it.

export interface DaemonUnit {
  /** name of the node, for people */
  name: string
  home: string
  /** program and arguments that start Chasqui, absolute */
  program: readonly string[]
  /** user id that owns the home; null: root, or unknown */
  user: number | null
  /** systemd units of the applications: the daemon begins before them */
  before: readonly string[]
}

const argumentsOf = ({ program, home }: DaemonUnit) => [...program, 'node', 'run', '--home', home]

/**
 * `Type=exec`: with `notify` an application that comes after the daemon would wait for the end of a recovery, which itself starts
 * it. `KillMode=process`: applications that a `start` command left running live on when the daemon ends.
 */
export function systemdUnit(unit: DaemonUnit): string {
  const { name, user, before } = unit
  return `[Unit]
Description=Chasqui node ${plain(name).replaceAll('%', '%%')}
After=local-fs.target network.target postgresql.service
${before.length === 0 ? '' : `Before=${before.map(serviceName).join(' ')}\n`}
[Service]
Type=exec
ExecStart=${argumentsOf(unit).map(systemdWord).join(' ')}
${user === null ? '' : `User=${user}\n`}Restart=always
RestartSec=5
KillMode=process

[Install]
WantedBy=multi-user.target
`
}

const serviceName = (name: string) => (name.includes('.') ? name : `${name}.service`)

function systemdWord(word: string): string {
  const escaped = word
    .replaceAll('\\', '\\\\')
    .replaceAll('"', '\\"')
    .replaceAll('%', '%%')
    .replaceAll('$', '$$$$')
  return /^[\w@/.:=+-]+$/.test(word) ? word : `"${escaped}"`
}

/** A task that starts at boot as the system's own account, again a minute after it has ended, without a limit of time. */
export function windowsTask(unit: DaemonUnit): string {
  const [program = '', ...rest] = argumentsOf(unit)
  return `<?xml version="1.0" encoding="UTF-16"?>
<Task version="1.2" xmlns="http://schemas.microsoft.com/windows/2004/02/mit/task">
  <RegistrationInfo><Description>Chasqui node ${xml(plain(unit.name))}</Description></RegistrationInfo>
  <Triggers><BootTrigger><Enabled>true</Enabled></BootTrigger></Triggers>
  <Principals><Principal id="system"><UserId>S-1-5-18</UserId><RunLevel>HighestAvailable</RunLevel></Principal></Principals>
  <Settings>
    <MultipleInstancesPolicy>IgnoreNew</MultipleInstancesPolicy>
    <DisallowStartIfOnBatteries>false</DisallowStartIfOnBatteries>
    <StopIfGoingOnBatteries>false</StopIfGoingOnBatteries>
    <StartWhenAvailable>true</StartWhenAvailable>
    <ExecutionTimeLimit>PT0S</ExecutionTimeLimit>
    <RestartOnFailure><Interval>PT1M</Interval><Count>999</Count></RestartOnFailure>
  </Settings>
  <Actions Context="system">
    <Exec><Command>${xml(program)}</Command><Arguments>${xml(rest.map(windowsWord).join(' '))}</Arguments></Exec>
  </Actions>
</Task>
`
}

function windowsWord(word: string): string {
  // a backslash before the closing quote would quote it
  return /[\s"]/.test(word) ? `"${word.replaceAll('"', '\\"').replace(/\\+$/, '$&$&')}"` : word
}

function xml(text: string): string {
  return text
    .replaceAll('&', '&amp;')
    .replaceAll('<', '&lt;')
    .replaceAll('>', '&gt;')
    .replaceAll('"', '&quot;')
}

/** A name in one line: a unit ends a value at the end of the line. */
function plain(text: string): string {
  return text.replace(/[\p{Cc}\\]+/gu, ' ').trim()
}
