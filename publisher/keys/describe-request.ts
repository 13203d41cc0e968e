// A signing request as text for the person who is asked to sign it. What comes from outside is shown without control
// characters: nothing in it can move the cursor or rewrite a line.
import { formatBytes } from '../../src/cli/output.ts'
import type { Signers, SignersChange } from '../../src/trust/request-changes.ts'
import type { RoleReview } from '../../src/trust/request-review.ts'
import type { ReleaseSummary, Signed } from './request-summary.ts'
import type { RequestLine, RequestList } from './requests.ts'

const NOTES = 2_000 // characters that are shown

export function describeRequest(looked: Signed): string {
  const head = `request ${looked.id} of the fleet ${clean(looked.fleetName)} (${looked.fleet}), root version ${looked.root}`
  const roles = looked.signs.map((role) => describeRole(role, looked.releases))
  return [head, ...roles].join('\n')
}

function describeRole(role: RoleReview, releases: readonly ReleaseSummary[]): string {
  const former = role.former === 0 ? 'new' : `after version ${role.former}`
  const own = releases.filter((release) => release.role === role.role)
  const shown = new Set(own.map(({ release }) => release))
  const others = role.targets.filter(({ sha256 }) => sha256 === null || !shown.has(sha256))
  return [
    `${role.role} version ${role.version}, ${former}, until ${role.expires}`,
    ...role.signers.map(describeSigners),
    ...own.map((release) => describeRelease(release, role)),
    ...others.map(
      ({ path, change, sha256 }) => `  ${change}: ${clean(path)}${sha256 === null ? '' : ` ${sha256}`}`
    ),
    ...role.delegations.flatMap(describeDelegation),
    ...role.facts.map(
      ({ name, former: before, next }) => `  ${clean(name)}: ${clean(before)} → ${clean(next)}`
    )
  ].join('\n')
}

function describeSigners({ keys, threshold, have }: RoleReview['signers'][number]): string {
  const names = keys.map((key) => `${key.slice(0, 16)}${have.includes(key) ? ' (signed)' : ''}`)
  return `  signed by ${have.length} of the ${threshold} that must: ${names.join(', ')}`
}

function describeRelease(release: ReleaseSummary, { targets }: RoleReview): string {
  const { module, track, version, created, severity, kind, files, packs, author, notes } = release
  const change = targets.find(({ sha256 }) => sha256 === release.release)?.change ?? 'added'
  const by = author === null ? '' : ` by ${clean(author)}`
  const lines = [
    `  ${change}: ${module} ${version} (${track}, ${severity}, ${kind}), made ${created}${by}`,
    `    release.json ${release.release}`,
    `    ${files.count} files, ${formatBytes(files.bytes)}, file list ${files.root}`,
    ...packs.map((pack) => `    ${pack.kind} pack ${formatBytes(pack.bytes)} ${pack.sha256}`)
  ]
  if (notes !== null) lines.push(`    notes: ${clean(notes.slice(0, NOTES))}`)
  return lines.join('\n')
}

function describeDelegation({ role, former, next }: SignersChange): string[] {
  if (former === null) return [`  new role ${role}: ${signersOf(next)}`]
  if (next === null) return [`  ${role} ends; it was ${signersOf(former)}`]
  return [`  ${role} before: ${signersOf(former)}`, `  ${role} after:  ${signersOf(next)}`]
}

function signersOf(signers: Signers | null): string {
  if (signers === null) return 'nobody'
  const { keys, threshold, paths, terminating } = signers
  const places = paths === undefined ? '' : `, for ${paths.map(clean).join(' ')}`
  const open = terminating === false ? ', not terminating' : ''
  return `${threshold} of ${keys.map((key) => key.public).join(', ')}${places}${open}`
}

function clean(value: unknown): string {
  const text = typeof value === 'string' ? value : JSON.stringify(value)
  return text.replace(/\p{C}/gu, ' ')
}

export function describeSigned(signed: Signed, place: string): string {
  const { title, released, asked, missing } = signed
  if (released) return `${title} is released`
  const done = signed.signed.length === 0 ? 'nothing was signed' : `signed: ${signed.signed.join(', ')}`
  const left =
    asked.length === 0 ? [] : [`not signed, because nobody named it with --role: ${asked.join(', ')}`]
  const open = missing.map(({ role, have, need }) => `${role} has ${have} of ${need} signatures`)
  const next =
    missing.length === 0
      ? 'bring it back to the publisher'
      : 'bring it to the next signer or back to the publisher'
  return [describeRequest(signed), `${title}: ${done}`, ...left, ...open, `${place}: ${next}`].join('\n')
}

export function describeList({ made, received }: RequestList): string {
  const line = ({ id, title, missing }: RequestLine) =>
    `  ${id}  ${title}: ${missing.map(({ role, have, need }) => `${role} ${have} of ${need}`).join(', ') || 'signed'}`
  const own = made.length === 0 ? [] : ['waiting for others:', ...made.map(line)]
  const others =
    received.length === 0 ? [] : ['waiting for this home, "publisher sign ID":', ...received.map(line)]
  return [...own, ...others].join('\n') || 'nothing waits for a signature'
}
