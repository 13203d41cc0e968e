// A command in a daemon that is broken off, by whoever asked or by the end of the daemon: each has its own name.
import assert from 'node:assert/strict'
import { mkdtemp, rm } from 'node:fs/promises'
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
