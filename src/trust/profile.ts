// What a verifier demands beyond TUF: a fleet's own rules, and those of any repository of the specification.

/** What a verifier accepts beyond the rules of TUF that always hold. */
export interface TrustProfile {
  /** strict: expired metadata is refused (TUF); tolerant: it is accepted and makes the branch stale */
  expiry: 'strict' | 'tolerant'
  /** names of delegated roles */
  roleNames: RegExp
  /** only Ed25519 keys written as 64 lower-case hex digits */
  ed25519Only: boolean
  /** a delegated role that the snapshot does not list is empty (it has published nothing yet), not an error */
  unpublishedRoles: boolean
}

export const CHASQUI_PROFILE: TrustProfile = {
  expiry: 'tolerant',
  roleNames: /^[a-z][a-z0-9_.-]{0,127}$/,
  ed25519Only: true,
  unpublishedRoles: true
}

/** Any repository that follows the TUF specification, as its conformance suite has them. */
export const TUF_PROFILE: TrustProfile = {
  expiry: 'strict',
  // biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what it refuses
  roleNames: /^[^\u0000-\u001f]{1,250}$/u,
  ed25519Only: false,
  unpublishedRoles: false
}
