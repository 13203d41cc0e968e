// A PostgreSQL of its own for a test: made in a folder, on a Unix socket, by a user that is not root, and stopped afterwards.
import { execFile } from 'node:child_process'
import { existsSync, globSync } from 'node:fs'
import { chmod, mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'

const run = promisify(execFile)
const BIN = globSync('/usr/lib/postgresql/*/bin').sort().at(-1)
const IS_ROOT = process.getuid?.() === 0

/** Why there can be none, or undefined. */
export function whyNoPostgres(): string | undefined {
  if (BIN === undefined || !existsSync(join(BIN, 'initdb'))) return 'PostgreSQL (initdb) is not installed'
  return IS_ROOT && !existsSync('/usr/sbin/runuser')
    ? 'root cannot run PostgreSQL without runuser'
    : undefined
}

export interface PostgresCluster {
  /** for PGHOST */
  host: string
  bin: string
  /** a command line that ends it at once, for a program of the test to run */
  crash: string
  /** begins again after a crash */
  resume(): Promise<void>
  stop(): Promise<void>
}

export async function startPostgres(): Promise<PostgresCluster> {
  const bin = BIN ?? ''
  const folder = await mkdtemp(join(tmpdir(), 'chasqui-pg-'))
  const asUser = (program: string, ...args: string[]) => {
    const argv = [join(bin, program), ...args]
    return IS_ROOT ? run('runuser', ['-u', 'postgres', '--', ...argv]) : run(argv[0] as string, argv.slice(1))
  }
  if (IS_ROOT) await run('chown', ['postgres', folder])
  await chmod(folder, 0o755)
  const data = join(folder, 'data')
  await asUser('initdb', '-D', data, '-E', 'UTF8', '--locale=C', '-A', 'trust', '-U', 'postgres')
  const options = `-c listen_addresses='' -c unix_socket_directories=${folder}`
  const start = () => asUser('pg_ctl', '-D', data, '-w', '-l', join(folder, 'log'), '-o', options, 'start')
  await start()
  return {
    host: folder,
    bin,
    crash: `${IS_ROOT ? 'runuser -u postgres -- ' : ''}${join(bin, 'pg_ctl')} -D ${data} -w -m immediate stop`,
    async resume() {
      await start()
    },
    async stop() {
      await asUser('pg_ctl', '-D', data, '-w', '-m', 'fast', 'stop')
      await rm(folder, { recursive: true, force: true })
    }
  }
}
