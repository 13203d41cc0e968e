// A program for the kill tests: one apply to the rig's Odoo, as request.json in the folder says. Usage: victim.ts FOLDER
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { createEngine } from '../../node/apply/engine.ts'
import type { ApplyRequest } from '../../node/apply/types.ts'
import { openState } from '../../src/system/state.ts'
import { rigParts } from './rig-parts.ts'

const folder = process.argv[2] ?? ''
const request = JSON.parse(await readFile(join(folder, 'request.json'), 'utf8')) as ApplyRequest
const state = await openState(join(folder, 'state'))
const emit = (event: object) => console.log(JSON.stringify(event))
console.log(JSON.stringify(await createEngine(rigParts(folder, state)).apply(request, { emit })))
await state.close()
