// The same swarm with aria2 (BitTorrent): a seeder behind the line, a tracker beside it, peers on the LAN that also look for
// one another by local peer discovery.
import { type ChildProcess, spawnSync } from 'node:child_process'
import { createHash, randomBytes } from 'node:crypto'
import { existsSync } from 'node:fs'
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { FAR, type Lab } from '../test/net/labnet.ts'
import type { Result } from './swarm.ts'

const PIECE = 65_536 // bytes
const SEED_PORT = 6881
const TRACKER_PORT = 6969

/** Throws when aria2 is not installed. */
export async function aria2Swarm(lab: Lab, pack: number, branches: number): Promise<Result> {
  if (spawnSync('aria2c', ['--version']).status !== 0) throw new Error('not installed')
  const folder = await mkdtemp(join(tmpdir(), 'chasqui-aria2-'))
  try {
    const torrent = await makeTorrent(lab, folder, pack)
    lab.run(FAR, process.execPath, ['--input-type=module', '-e', trackerProgram(lab, branches)])
    await new Promise((resolve) => setTimeout(resolve, 500))
    aria2(lab, FAR, torrent, join(folder, 'seed'), ['--check-integrity=true', '--seed-ratio=0'])
    await new Promise((resolve) => setTimeout(resolve, 3000))
    const before = lab.traffic(FAR).sent
    const started = Date.now()
    const peers = Array.from({ length: branches }, async (_, at) => {
      const own = join(folder, `peer${at}`)
      await mkdir(own)
      const hook = `--on-bt-download-complete=${join(folder, 'hook')}`
      aria2(lab, at + 1, torrent, own, ['--seed-ratio=0', '--bt-enable-lpd=true', hook])
      return finished(own)
    })
    await Promise.all(peers)
    const ms = Date.now() - started
    return { name: 'aria2 (BitTorrent)', uplink: lab.traffic(FAR).sent - before, payload: null, ms }
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
}

function aria2(lab: Lab, host: number, torrent: string, folder: string, more: string[]): ChildProcess {
  return lab.run(host, 'aria2c', [
    `--listen-port=${SEED_PORT}`,
    '--enable-dht=false',
    '--enable-peer-exchange=true',
    '--file-allocation=none',
    '--bt-tracker-interval=2',
    '--summary-interval=0',
    '--console-log-level=notice',
    `--dir=${folder}`,
    ...more,
    torrent
  ])
}

/** aria2 goes on seeding for the others; its hook says when its own download is complete. */
async function finished(folder: string): Promise<void> {
  while (!existsSync(join(folder, 'pack.done'))) await new Promise((resolve) => setTimeout(resolve, 20))
}

async function makeTorrent(lab: Lab, folder: string, pack: number): Promise<string> {
  const bytes = randomBytes(pack)
  await mkdir(join(folder, 'seed'))
  await writeFile(join(folder, 'seed', 'pack'), bytes)
  const pieces: Buffer[] = []
  for (let at = 0; at < pack; at += PIECE) {
    pieces.push(
      createHash('sha1')
        .update(bytes.subarray(at, at + PIECE))
        .digest()
    )
  }
  const announce = `http://${lab.address(FAR)}:${TRACKER_PORT}/announce`
  const hashes = Buffer.concat(pieces)
  const torrent = Buffer.concat([
    Buffer.from(`d8:announce${announce.length}:${announce}4:infod6:lengthi${pack}e4:name4:pack`),
    Buffer.from(`12:piece lengthi${PIECE}e6:pieces${hashes.length}:`),
    hashes,
    Buffer.from('ee')
  ])
  await writeFile(join(folder, 'hook'), '#!/bin/sh\ntouch "$3.done"\n', { mode: 0o755 })
  const path = join(folder, 'pack.torrent')
  await writeFile(path, torrent)
  return path
}

/** A tracker that names everybody: the seeder and all hosts of the LAN. */
function trackerProgram(lab: Lab, branches: number): string {
  const hosts = [lab.address(FAR), ...Array.from({ length: branches }, (_, at) => lab.address(at + 1))]
  const port = Buffer.from([SEED_PORT >> 8, SEED_PORT & 255])
  const peers = Buffer.concat(
    hosts.map((host) => Buffer.concat([Buffer.from(host.split('.').map(Number)), port]))
  )
  const answer = Buffer.concat([
    Buffer.from(`d8:intervali2e5:peers${peers.length}:`),
    peers,
    Buffer.from('e')
  ])
  return `import http from 'node:http'
http.createServer((_, response) => response.end(Buffer.from('${answer.toString('hex')}', 'hex'))).listen(${TRACKER_PORT})`
}
