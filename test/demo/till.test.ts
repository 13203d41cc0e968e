// The till and its control program as real processes: sales survive a restart, a broken release makes it unhealthy and not
// dead, a migration runs once, and a dump brings back what was there.
import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { type AddressInfo, createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { promisify } from 'node:util'
import { type AddonSetVersion, assembleAddons } from '../../src/demo/addon-set.ts'

const CONTROL = join(import.meta.dirname, '../../src/demo/till-control.ts')
let root: string
let folder: string
let addons: string
let port: number

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1')
  await new Promise((resolve) => server.once('listening', resolve))
  const { port } = server.address() as AddressInfo
  await new Promise((resolve) => server.close(resolve))
  return port
}

const control = async (...args: string[]) =>
  (await promisify(execFile)(process.execPath, [CONTROL, folder, ...args])).stdout

async function get(path: string): Promise<{ status: number; body: string }> {
  const response = await fetch(`http://127.0.0.1:${port}${path}`)
  return { status: response.status, body: await response.text() }
}

async function sell(ticket: string): Promise<number> {
  const body = JSON.stringify({ ticket, total: 12.5 })
  return (await fetch(`http://127.0.0.1:${port}/sale`, { method: 'POST', body })).status
}

async function restartOn(version: AddonSetVersion, options: { migrate: boolean }): Promise<string> {
  await control('stop')
  await assembleAddons(version, addons)
  const ran = options.migrate ? await control('migrate') : ''
  await control('start')
  return ran
}

before(async () => {
  root = await mkdtemp(join(tmpdir(), 'chasqui-till-'))
  folder = join(root, 'till')
  addons = join(root, 'addons')
  port = await freePort()
  await mkdir(folder)
  await writeFile(join(folder, 'till.json'), JSON.stringify({ name: 'Sucursal Norte', port, addons }))
  await assembleAddons(1, addons)
  await control('start')
})

after(async () => {
  await control('stop')
  await rm(root, { recursive: true, force: true })
})

test('a healthy till serves its login page, its health and the assets of its addons', async () => {
  assert.match((await get('/web/login')).body, /pos_tienda 17\.0\.1\.0\.0/)
  assert.equal((await get('/web/health')).status, 200)
  assert.equal((await get('/assets/pos_tienda/static/src/img/caja.png')).status, 200)
})

for (const path of ['/assets/../till.json', '/assets/pos_tienda/%2e%2e/%2e%2e/till/till.json', '/nothing']) {
  test(`${path} is not served`, async () => {
    assert.equal((await get(path)).status, 404)
  })
}

test('an acknowledged sale is there after a restart, once', async () => {
  assert.equal(await sell('C1-1'), 201)
  assert.equal(await sell('C1-1'), 201)
  await control('stop')
  await control('start')
  assert.deepEqual(JSON.parse((await get('/sales')).body), { tickets: ['C1-1'] })
})

test('new addons without their migration make the till unhealthy', async () => {
  await restartOn(2, { migrate: false })
  assert.match((await get('/web/health')).body, /need a migration: .*pos_tienda/)
  assert.equal(await sell('C1-2'), 500)
})

test('a migration runs once', async () => {
  assert.match(await restartOn(2, { migrate: true }), /pos_tienda\/migrations\/17\.0\.1\.1\.0/)
  assert.equal(await control('migrate'), '')
  assert.equal((await get('/web/login')).status, 200)
})

test('a broken release answers 500 with the reason; dump and load bring back database and sales', async () => {
  const dump = join(root, 'dump')
  await control('dump', dump)
  await restartOn(3, { migrate: true })
  const login = await get('/web/login')
  assert.equal(login.status, 500)
  assert.match(login.body, /External ID not found/)
  await control('stop')
  await control('load', dump)
  await assembleAddons(2, addons)
  await control('start')
  assert.equal((await get('/web/login')).status, 200)
  assert.deepEqual(JSON.parse((await get('/sales')).body), { tickets: ['C1-1'] })
})
