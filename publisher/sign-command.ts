// `publisher sign`: the signature that another person, another machine or another key file adds to a change. Whoever types
// it sees what it says yes to; on a terminal it asks, elsewhere what changes who may do what must be named.
import { resolve } from 'node:path'
import type { Command } from 'commander'
import { act, type CommandLine } from '../src/cli/program.ts'
import { ask, canPrompt, promptSecret } from '../src/cli/prompt.ts'
import { asChasquiError, ChasquiError } from '../src/errors.ts'
import { readFileLimited } from '../src/system/durable.ts'
import { realFileSystem } from '../src/system/real-file-system.ts'
import { decodeKeyFile, openKeyFile, Passphrase } from '../src/trust/key-file.ts'
import { keyPairOf, type Signer, signerOf, wipe } from '../src/trust/keys.ts'
import { LIMITS } from '../src/trust/limits.ts'
import { isReleaseRole } from '../src/trust/request-review.ts'
import { decodeRequest } from '../src/trust/signing-request.ts'
import { run, runWithKeys } from './cli.ts'
import { describeList, describeRequest, describeSigned } from './keys/describe-request.ts'
import { knownFleet } from './keys/known-fleet.ts'
import { idOf } from './keys/list.ts'
import type { Signed } from './keys/request-summary.ts'
import type { RequestList } from './keys/requests.ts'
import { lookWithKey, signWithKey } from './keys/sign.ts'
import { givenPassphrase, PASSPHRASE } from './secrets.ts'
import { openPlaces, type RequestPlace } from './sign-places.ts'

type Options = Record<string, unknown>

/** Whoever signs here: this home, or one key file. */
interface SignerHere {
  look(request: string): Promise<Signed>
  sign(request: string, roles: readonly string[]): Promise<Signed>
}

export function addSignCommand(group: Command): void {
  const command = group
    .command('sign')
    .description('shows and signs a request; the last signature releases it on the home that made it')
    .argument(
      '[request]',
      'a file, a stick, or the id of a request of this home; without it: what waits here'
    )
    .option('--role <role...>', 'also sign these, which change who may do what: root, targets, channels')
    .option('--key <file>', 'a key file in place of the keys of this home')
    .option('--fleet <id>', "with --key, on a machine without a home of the fleet: the fleet's id")
    .option('--out <file>', 'where to write it; default: where it came from')
    .option('--dry-run', 'show it, sign nothing')
    .option(...PASSPHRASE)
  act(command, async (line, options, [target]) => {
    if (target === undefined) {
      const list = await run<RequestList>(line, 'requests.list', {})
      line.output.result(list, describeList(list))
      return undefined
    }
    const places = await openPlaces(line, target, options.out)
    const [only] = places
    const { value, text } =
      only !== undefined && only.kind !== 'stick'
        ? await signAt(line, options, only)
        : await signAll(line, options, places)
    line.output.result(value, text)
    return undefined
  })
}

/** What a stick brings: a request that cannot be signed here does not keep the others. Throws the first refusal of all. */
async function signAll(line: CommandLine, options: Options, places: readonly RequestPlace[]) {
  const requests: object[] = []
  const refused: { letter: string; code: string; message: string }[] = []
  const texts: string[] = []
  let first: ChasquiError | null = null
  for (const place of places) {
    try {
      const { value, text } = await signAt(line, options, place)
      requests.push(value)
      texts.push(text)
    } catch (thrown) {
      const error = asChasquiError(thrown)
      first ??= error
      refused.push({ letter: place.name, code: error.code, message: error.message })
      texts.push(`${place.name}: ${error.code}: ${error.message}`)
    }
  }
  if (first !== null && requests.length === 0) throw first
  return { value: { requests, refused }, text: texts.join('\n') || 'no request is on the stick' }
}

async function signAt(line: CommandLine, options: Options, place: RequestPlace) {
  const here =
    typeof options.key === 'string' ? await byKeyFile(line, options, place.text) : byHome(line, options)
  const looked = await here.look(place.text)
  if (line.dryRun) {
    const { request: _, ...value } = looked
    return { value, text: describeRequest(looked) }
  }
  const signed = await here.sign(place.text, await agreedRoles(line, options, looked))
  const file = await place.put(signed)
  const { request: _, ...value } = signed
  return { value: { ...value, file }, text: describeSigned(signed, file) }
}

/** The roles that may be signed besides those of releases. On a terminal the person says so. Throws CANCELLED. */
async function agreedRoles(line: CommandLine, options: Options, looked: Signed): Promise<string[]> {
  const named = (options.role ?? []) as string[]
  if (line.yes || !canPrompt() || looked.asked.length === 0) return named
  const due = looked.asked.filter((role) => isReleaseRole(role) || named.includes(role))
  const risky = looked.asked.filter((role) => !due.includes(role))
  line.output.note(describeRequest(looked))
  if (due.length > 0) {
    const answer = await ask(`sign ${due.join(' ')}? type "yes": `, line.signal)
    if (answer !== 'yes') throw new ChasquiError('CANCELLED', 'nothing was signed')
  }
  if (risky.length === 0) return named
  const names = risky.join(' ')
  const answer = await ask(
    `${names} would change who may do what. To sign that, type "${names}": `,
    line.signal
  )
  return answer === names ? [...named, ...risky] : named
}

function byHome(line: CommandLine, options: Options): SignerHere {
  return {
    look: (request) => runWithKeys<Signed>(line, options, 'sign', { request, dryRun: true }),
    sign: (request, roles) => runWithKeys<Signed>(line, options, 'sign', { request, roles })
  }
}

async function byKeyFile(line: CommandLine, options: Options, text: string): Promise<SignerHere> {
  const bytes = await readFileLimited(realFileSystem, resolve(String(options.key)), LIMITS.keyFileBytes)
  if (bytes === null) throw new ChasquiError('KEY_MISSING', `there is no key file ${options.key}`)
  const request = decodeRequest(new Uint8Array(Buffer.from(text, 'utf8')))
  const isYes = async (fleet: string) =>
    (await ask(`is ${fleet} the id of your fleet? type "yes": `, line.signal)) === 'yes'
  const known = await knownFleet({
    paths: line.home,
    request,
    named: typeof options.fleet === 'string' ? options.fleet : undefined,
    ...(canPrompt() && { confirm: isYes })
  })
  const keyid = idOf(decodeKeyFile(bytes))
  return {
    look: async () => lookWithKey(request, keyid, known),
    async sign(_, roles) {
      return signWithKey(request, await openKey(line, options, bytes), known, roles)
    }
  }
}

/** Throws PASSPHRASE_*, KEY_FILE_DAMAGED. */
async function openKey(line: CommandLine, options: Options, bytes: Uint8Array): Promise<Signer> {
  const file = decodeKeyFile(bytes)
  const given = await givenPassphrase(options)
  const isAsked = given === undefined && file.sealed !== undefined && canPrompt()
  const text = isAsked ? await promptSecret('passphrase of the key: ', line.signal) : given
  const opener = text === undefined ? null : new Passphrase(text)
  try {
    const { seed } = openKeyFile(file, opener)
    const pair = keyPairOf(seed)
    wipe(seed)
    return signerOf(pair)
  } finally {
    opener?.wipe()
  }
}
