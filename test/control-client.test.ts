// A command in a daemon that is broken off, by whoever asked or by the end of the daemon: each has its own name.
import assert from 'node:assert/strict'
import { mkdtemp, rm } from 'node:fs/promises'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { callDaemon } from '../src/control/client.ts'
import type { CommandContext } from '../src/control/commands.ts'
import { type ControlServer, serveControl } from '../src/control/server.ts'

/** A daemon whose one command says that it works, and then works until nobody waits for it. */
async function daemon(t: TestContext): Promise<{ socket: string; server: ControlServer }> {
  const folder = await mkdtemp(join(tmpdir(), 'chasqui-control-'))
  const socket = join(folder, 'control.sock')
  const work = async (_app: null, _args: unknown, { emit, signal }: CommandContext) => {
    emit({ event: 'working' })
    await new Promise<void>((resolve) => signal.addEventListener('abort', () => resolve()))
  }
  const server = await serveControl(socket, null, { work })
  t.after(async () => {
    await server.close()
    await rm(folder, { recursive: true, force: true })
  })
  return { socket, server }
}

const call = (socket: string, signal: AbortSignal, emit: () => void = () => undefined) =>
  callDaemon(socket, 'work', {}, { emit, signal })

test('a command that is broken off was cancelled, whether it had begun or not', async (t) => {
  const { socket } = await daemon(t)
  const abort = new AbortController()
  await assert.rejects(
    call(socket, abort.signal, () => abort.abort()),
    { code: 'CANCELLED' }
  )
  await assert.rejects(call(socket, abort.signal), { code: 'CANCELLED' })
})

test('a daemon that ends in the middle of a command is unreachable, as one that never was', async (t) => {
  const { socket, server } = await daemon(t)
  const { signal } = new AbortController()
  await assert.rejects(
    call(socket, signal, () => void server.close()),
    { code: 'DAEMON_UNREACHABLE', message: /in the middle/ }
  )
  await assert.rejects(call(socket, signal), { code: 'DAEMON_UNREACHABLE', message: /no daemon/ })
})

test('a daemon that hangs is unreachable; one whose command takes long and says nothing is not', async (t) => {
  const { socket } = await daemon(t)
  const hanging = createServer()
  const hole = `${socket}.hangs`
  await new Promise<void>((resolve) => hanging.listen(hole, resolve))
  t.after(() => hanging.close())
  const context: CommandContext = { emit: () => undefined, signal: new AbortController().signal }
  const silent = { code: 'DAEMON_UNREACHABLE', message: /does not answer/ }
  await assert.rejects(callDaemon(hole, 'work', {}, context, 50), silent)
  const slow = async () => {
    await new Promise((resolve) => setTimeout(resolve, 1500))
    return 'done'
  }
  const server = await serveControl(`${socket}.slow`, null, { slow })
  t.after(() => server.close())
  assert.equal(await callDaemon(`${socket}.slow`, 'slow', {}, context, 1000), 'done')
})
