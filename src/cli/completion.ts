// `completion SHELL`: what a shell completes, made of the commands themselves. A script is complete when it is made, so that
// pressing Tab starts no program; where nothing fits, the shell offers files.
import { type Command, Option } from 'commander'
import { ChasquiError } from '../errors.ts'

/** What can follow a command: words with what they are. */
interface Place {
  /** the commands that lead here, "publisher keys"; '' for the program itself */
  path: string
  commands: Word[]
  options: Word[]
}

interface Word {
  word: string
  text: string
}

type Shell = 'bash' | 'zsh' | 'fish' | 'powershell'

const SCRIPTS: Record<Shell, (places: readonly Place[]) => string> = { bash, zsh, fish, powershell }

/** The script for a shell. Throws USAGE. */
export function completionScript(program: Command, shell: string): string {
  if (!Object.hasOwn(SCRIPTS, shell)) {
    throw new ChasquiError('USAGE', `there is no completion for ${shell}`, {
      hint: `choose one of ${Object.keys(SCRIPTS).join(', ')}`
    })
  }
  return SCRIPTS[shell as Shell](placesOf(program, ''))
}

function placesOf(command: Command, path: string): Place[] {
  const help = command.createHelp()
  const subcommands = help.visibleCommands(command).filter((one) => one.name() !== 'help')
  const options = [...help.visibleOptions(command), new Option('--help', 'how it is used')]
  const place = {
    path,
    commands: subcommands.map((one) => ({ word: one.name(), text: one.description() })),
    options: options.flatMap(({ long, description }) => (long ? [{ word: long, text: description }] : []))
  }
  const unique = new Map(place.options.map((option) => [option.word, option]))
  const below = subcommands.flatMap((one) => placesOf(one, `${path} ${one.name()}`.trim()))
  return [{ ...place, options: [...unique.values()] }, ...below]
}

/** Every command that may be typed, with what leads to it: the way down is followed word by word. */
function steps(places: readonly Place[]): string[] {
  return places.flatMap(({ path, commands }) => commands.map(({ word }) => `'${path}|${word}'`))
}

function words({ commands, options }: Place): string {
  return [...commands, ...options].map(({ word }) => word).join(' ')
}

function bash(places: readonly Place[]): string {
  const cases = places.map((place) => `    '${place.path}') words='${words(place)}' ;;`)
  return `# chasqui for bash: source <(chasqui node completion bash)
_chasqui() {
  local path='' words='' i
  for ((i = 1; i < COMP_CWORD; i++)); do
    case "$path|\${COMP_WORDS[i]}" in
      ${steps(places).join('|')}) path="\${path:+$path }\${COMP_WORDS[i]}" ;;
    esac
  done
  case "$path" in
${cases.join('\n')}
  esac
  COMPREPLY=($(compgen -W "$words" -- "\${COMP_WORDS[COMP_CWORD]}"))
}
complete -o default -F _chasqui chasqui
`
}

function zsh(places: readonly Place[]): string {
  const quote = ({ word, text }: Word) => `'${word}:${text.replaceAll("'", "'\\''").replaceAll(':', '\\:')}'`
  const cases = places.map(
    ({ path, commands, options }) =>
      `    '${path}') found=(${[...commands, ...options].map(quote).join(' ')}) ;;`
  )
  return `#compdef chasqui
# chasqui for zsh: source <(chasqui node completion zsh), after compinit
_chasqui() {
  local way='' i
  local -a found
  for ((i = 2; i < CURRENT; i++)); do
    case "$way|\${words[i]}" in
      ${steps(places).join('|')}) way="\${way:+$way }\${words[i]}" ;;
    esac
  done
  case "$way" in
${cases.join('\n')}
  esac
  _describe chasqui found || _files
}
compdef _chasqui chasqui
`
}

function fish(places: readonly Place[]): string {
  const quote = (text: string) => `'${text.replaceAll('\\', '\\\\').replaceAll("'", "\\'")}'`
  const lines = places.flatMap(({ path, commands, options }) => {
    const here = `complete -c chasqui -n '__chasqui_at "${path}"'`
    return [
      ...commands.map(({ word, text }) => `${here} -a ${word} -d ${quote(text)}`),
      ...options.map(({ word, text }) => `${here} -l ${word.slice(2)} -d ${quote(text)}`)
    ]
  })
  return `# chasqui for fish: chasqui node completion fish | source
function __chasqui_at
  set -l way ''
  for word in (commandline -opc)[2..-1]
    if contains -- "$way|$word" ${steps(places).join(' ')}
      set way (string trim "$way $word")
    end
  end
  test "$way" = "$argv[1]"
end
${lines.join('\n')}
`
}

function powershell(places: readonly Place[]): string {
  const rows = places.map((place) => `  '${place.path}' = '${words(place)}'`)
  return `# chasqui for PowerShell: chasqui node completion powershell | Out-String | Invoke-Expression
$chasquiWords = @{
${rows.join('\n')}
}
Register-ArgumentCompleter -Native -CommandName chasqui -ScriptBlock {
  param($wordToComplete, $commandAst, $cursorPosition)
  $way = ''
  foreach ($element in $commandAst.CommandElements | Select-Object -Skip 1) {
    $next = "$way $element".Trim()
    if ($element.Extent.EndOffset -lt $cursorPosition -and $chasquiWords.ContainsKey($next)) { $way = $next }
  }
  $chasquiWords[$way] -split ' ' | Where-Object { $_ -like "$wordToComplete*" } | ForEach-Object {
    [System.Management.Automation.CompletionResult]::new($_)
  }
}
`
}
