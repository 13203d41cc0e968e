// Bounds on everything that trust reads from outside.

/** Bytes of one metadata file, decompressed, and counts of one refresh. */
export const LIMITS = {
  rootBytes: 512_000,
  timestampBytes: 16_384,
  /** 1,000 modules take 42 kB, 10,000 take 420 kB */
  snapshotBytes: 2_000_000,
  /** targets of 1,000 modules take 200 kB */
  targetsBytes: 5_000_000,
  /** versions of root that one refresh walks; the next refresh goes on from there */
  rootRotations: 1_024,
  /** delegated roles that one look-up of a target visits (TUF 5.6.7.1) */
  visitedRoles: 32,
  signatures: 64,
  inviteBytes: 16_384,
  membershipBytes: 8_192,
  grantBytes: 4_096,
  /** a sealed key file, a key backup, a signing request (a publish of 1,000 modules with 20 releases each) */
  keyFileBytes: 16_384,
  keyLabel: 200, // characters
  keyBackupBytes: 32_000_000,
  requestBytes: 12_000_000,
  /** fleet/revoked.json and channels.json */
  onlineTargetBytes: 4_000_000
} as const
