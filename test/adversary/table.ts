// Attacks as rows: each is a test named "attack: case → outcome", from which the runner makes the table at the end of
// `npm run test:adversary`.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { ChasquiError } from '../../src/errors.ts'

export interface AttackCase {
  /** what exactly is tried */
  name: string
  /** error code that it must end with; 'NOT FOUND' when a look-up must give nothing, 'STALE' when it is only reported */
  code: string
  run(): unknown
}

/** Registers the cases of one attack. A case passes when `run` throws a ChasquiError with its code. */
export function attack(name: string, cases: readonly AttackCase[]): void {
  for (const { name: what, code, run } of cases) {
    test(`${name}: ${what} → ${code}`, async () => {
      await assert.rejects(
        async () => run(),
        (error) => {
          if (!(error instanceof ChasquiError)) throw error
          assert.equal(error.code, code, error.message)
          return true
        }
      )
    })
  }
}

/** Registers cases that must come to a value: nothing found, a warning, an old state kept. */
export function harmless(
  name: string,
  cases: readonly { name: string; outcome: string; run(): unknown }[]
): void {
  for (const { name: what, outcome, run } of cases) {
    test(`${name}: ${what} → ${outcome}`, async () => {
      await run()
    })
  }
}
