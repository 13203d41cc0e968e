// Every parser of what comes from outside: any bytes, real files that were spoiled byte by byte, and real JSON of which
// one value was changed. It reads them or refuses them with a code; it never fails in another way.
import { test } from 'node:test'
import fc from 'fast-check'
import { fleetSamples } from './fleet-samples.ts'
import { bentJson, deepJson, mutate, mutations, readsOrRefuses } from './mutate.ts'
import { releaseSamples } from './release-samples.ts'
import { trustSamples } from './trust-samples.ts'
import { wireSamples } from './wire-samples.ts'

const RUNS = { numRuns: 300 }
const samples = [...(await trustSamples()), ...fleetSamples(), ...releaseSamples(), ...wireSamples()]

for (const { name, real, parse, json } of samples) {
  test(`the parser of ${name} reads a real one`, async () => {
    await parse(real)
  })

  test(`the parser of ${name} takes any bytes`, async () => {
    const bytes = fc.uint8Array({ maxLength: 400 })
    await fc.assert(
      fc.asyncProperty(bytes, (any) => readsOrRefuses(() => parse(any))),
      RUNS
    )
  })

  test(`the parser of ${name} takes a spoiled one`, async () => {
    await fc.assert(
      fc.asyncProperty(mutations, (changes) => readsOrRefuses(() => parse(mutate(real, changes)))),
      RUNS
    )
  })

  if (json === undefined) continue
  const wrap = json.wrap ?? ((text: string) => Buffer.from(text))
  test(`the parser of ${name} takes any value in any place`, async () => {
    await fc.assert(
      fc.asyncProperty(bentJson(json.document), (text) => readsOrRefuses(() => parse(wrap(text)))),
      RUNS
    )
  })

  test(`the parser of ${name} takes any depth in any place`, async () => {
    for (const text of deepJson(json.document)) await readsOrRefuses(() => parse(wrap(text)))
  })
}
