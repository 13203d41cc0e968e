// What a user would do without Chasqui, measured on the same trees in the same run: zstd's patch of the two trees, a zip,
// and a folder mirrored through a Hyperdrive file by file with the bytes counted on the socket.
import { execFileSync, spawnSync } from 'node:child_process'
import { createWriteStream } from 'node:fs'
import { mkdtemp, readdir, readFile, rm, stat } from 'node:fs/promises'
import { connect, createServer, type Socket } from 'node:net'
import { join, relative, sep } from 'node:path'
import { pipeline } from 'node:stream/promises'
import NoiseSecretStream from '@hyperswarm/secret-stream'
import Corestore from 'corestore'
import Hyperdrive from 'hyperdrive'
import { BENCH_FOLDER, type Corpus } from './corpora.ts'

export interface Measured {
  ms: number
  bytes: number
}

async function listFiles(folder: string): Promise<string[]> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true })
  return entries
    .filter((entry) => entry.isFile())
    .map((entry) => relative(folder, join(entry.parentPath, entry.name)))
    .sort()
}

async function concatenate(folder: string, into: string): Promise<void> {
  const files = await listFiles(folder)
  await pipeline(async function* () {
    for (const file of files) yield await readFile(join(folder, file))
  }, createWriteStream(into))
}

/** `zstd -19 --patch-from` of all files in path order; null without the zstd program. */
export async function patchFrom(corpus: Corpus): Promise<Measured | null> {
  if (spawnSync('zstd', ['--version']).error !== undefined) return null
  const work = await mkdtemp(join(BENCH_FOLDER, 'patch-'))
  const [before, after, patch] = ['before', 'after', 'patch'].map((name) => join(work, name)) as [
    string,
    string,
    string
  ]
  try {
    await concatenate(corpus.before, before)
    await concatenate(corpus.after, after)
    const started = performance.now()
    const args = ['-19', '--long=28', '-M2048MB', '-q', '-f', `--patch-from=${before}`, after, '-o', patch]
    execFileSync('zstd', args)
    return { ms: performance.now() - started, bytes: (await stat(patch)).size }
  } finally {
    await rm(work, { recursive: true })
  }
}

/** A zip of the new tree; null without the zip program. */
export async function zip(corpus: Corpus): Promise<Measured | null> {
  if (spawnSync('zip', ['-v']).error !== undefined) return null
  const work = await mkdtemp(join(BENCH_FOLDER, 'zip-'))
  try {
    const started = performance.now()
    execFileSync('zip', ['-q', '-r', join(work, 'out.zip'), '.'], { cwd: corpus.after })
    return { ms: performance.now() - started, bytes: (await stat(join(work, 'out.zip'))).size }
  } finally {
    await rm(work, { recursive: true })
  }
}

export interface MirrorResult {
  cold: Measured
  update: Measured
}

/** One drive entry per file over TCP with Noise; the bytes are those that the receiver's socket read. */
export async function mirrorHyperdrive(corpus: Corpus): Promise<MirrorResult> {
  const work = await mkdtemp(join(BENCH_FOLDER, 'drive-'))
  const [from, to] = [new Corestore(join(work, 'from')), new Corestore(join(work, 'to'))]
  const source = new Hyperdrive(from)
  await source.ready()
  await mirror(source, null, corpus.before)
  const copy = new Hyperdrive(to, source.key)
  await copy.ready()
  const link = await joinOverTcp(from, to)
  try {
    const cold = await follow(source, copy, link.receiver, listAll)
    await mirror(source, corpus.before, corpus.after)
    return { cold, update: await follow(source, copy, link.receiver, listAll) }
  } finally {
    link.close()
    await Promise.all([from.close(), to.close()])
    await rm(work, { recursive: true })
  }
}

const toKey = (file: string) => `/${file.split(sep).join('/')}`

async function mirror(drive: Hyperdrive, before: string | null, after: string): Promise<void> {
  const old = new Set(before === null ? [] : await listFiles(before))
  for (const file of await listFiles(after)) {
    const bytes = await readFile(join(after, file))
    const isSame = before !== null && old.has(file) && bytes.equals(await readFile(join(before, file)))
    if (!isSame) await drive.put(toKey(file), bytes)
    old.delete(file)
  }
  for (const file of old) await drive.del(toKey(file))
}

async function listAll(drive: Hyperdrive): Promise<string[]> {
  const keys: string[] = []
  for await (const entry of drive.list('/', { recursive: true })) keys.push(entry.key)
  return keys
}

async function follow(
  source: Hyperdrive,
  copy: Hyperdrive,
  socket: Socket,
  list: typeof listAll
): Promise<Measured> {
  const [started, before] = [performance.now(), socket.bytesRead]
  while (copy.version < source.version) await new Promise((resolve) => setTimeout(resolve, 5))
  const keys = await list(copy)
  const next = keys.values()
  const worker = async () => {
    for (const key of next) await copy.get(key)
  }
  await Promise.all(Array.from({ length: 16 }, worker))
  return { ms: performance.now() - started, bytes: socket.bytesRead - before }
}

async function joinOverTcp(from: Corestore, to: Corestore): Promise<{ receiver: Socket; close(): void }> {
  const server = createServer()
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as { port: number }
  const accepted = new Promise<Socket>((resolve) => server.once('connection', resolve))
  const receiver = connect(port, '127.0.0.1')
  const sender = await accepted
  from.replicate(new NoiseSecretStream(false, sender))
  to.replicate(new NoiseSecretStream(true, receiver))
  return {
    receiver,
    close() {
      receiver.destroy()
      sender.destroy()
      server.close()
    }
  }
}
