// What a person is shown before and after a signature: the review, and the releases in it read as releases.
import { parseRelease, type Release, releasePath } from '../../src/release/release.ts'
import { missingIn, type Review, type RoleReview, rolesFor, titleOf } from '../../src/trust/request-review.ts'
import { encodeRequest, invalidRequest, requestId } from '../../src/trust/signing-request.ts'

export interface ReleaseSummary
  extends Pick<Release, 'module' | 'track' | 'version' | 'created' | 'severity' | 'kind' | 'files'> {
  /** SHA-256 of release.json, and who would vouch for it */
  release: string
  role: string
  author: string | null
  notes: string | null
  packs: Release['packs']
}

/** The result of `sign`. */
export interface Signed {
  id: string
  title: string
  /** fleet id, hex */
  fleet: string
  fleetName: string
  /** version of the root that says who may sign */
  root: number
  /** what each signature says yes to */
  signs: RoleReview[]
  releases: ReleaseSummary[]
  /** roles that the keys here are asked to sign and have not signed */
  asked: string[]
  /** roles that were signed now */
  signed: string[]
  /** roles that still lack signatures */
  missing: { role: string; have: number; need: number }[]
  /** it is published now */
  released: boolean
  /** the request with the signatures that it has now, text */
  request: string
}

/** `keys`: ids of the keys at hand; `before`: the review that they signed. Throws REQUEST_INVALID. */
export function summaryOf(review: Review, keys: readonly string[], before: Review = review): Signed {
  const { fleet, fleetName, root, roles, request } = review
  const open = (some: Review) => new Set(keys.flatMap((id) => rolesFor(some, id)))
  const asked = open(review)
  return {
    id: requestId(request),
    title: titleOf(review),
    fleet,
    fleetName,
    root,
    signs: roles,
    releases: releasesIn(review),
    asked: [...asked],
    signed: [...open(before)].filter((role) => !asked.has(role)),
    missing: missingIn(review),
    released: false,
    request: Buffer.from(encodeRequest(request)).toString('utf8')
  }
}

/** Each release.json that is new, read; it must be the release that its path says. */
export function releasesIn({ request, roles }: Review): ReleaseSummary[] {
  return roles.flatMap(({ role, targets }) =>
    targets.flatMap(({ path, sha256 }) =>
      sha256 !== null && path.startsWith('releases/')
        ? [summarize(role, path, sha256, request.files[path] ?? '')]
        : []
    )
  )
}

function summarize(role: string, path: string, sha256: string, text: string): ReleaseSummary {
  const found = readRelease(path, text)
  const { module, track, version, created, severity, kind, files, packs, author, notes } = found
  if (releasePath(module, track, version) !== path)
    throw invalidRequest(`${path} is the release of ${module} ${version}`)
  const shown = { module, track, version, created, severity, kind, files, packs }
  return { ...shown, release: sha256, role, author: author ?? null, notes: notes ?? null }
}

function readRelease(path: string, text: string): Release {
  try {
    return parseRelease(new Uint8Array(Buffer.from(text, 'utf8')))
  } catch (cause) {
    throw invalidRequest(`${path} is no release`, cause)
  }
}
