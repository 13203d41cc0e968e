// A stick with an installer for tests, and a person who runs start.sh with what the invite sheet says.
import { spawnSync } from 'node:child_process'
import { chmod, mkdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { TestContext } from 'node:test'
import { exportStick } from '../../src/stick/round.ts'
import { CODE_DIGITS } from '../../src/stick/start-scripts.ts'
import { context, everything, publish, tools } from './scene.ts'
import { openTestHome, temporaryFolder } from './support.ts'

export interface InstallerScene {
  folder: string
  /** the stick's folder chasqui/installer */
  place: string
  /** code on the invite sheet */
  code: string
  /** what the archive's program was called with, line by line */
  called(): Promise<string>
  /** runs start.sh; answers go to its questions */
  start(...answers: string[]): { status: number | null; stderr: string }
}

/** An archive whose program writes down who it is and how it was called. */
export async function fakeArchive(folder: string, name: string, mark: string): Promise<string> {
  const root = join(folder, mark, 'chasqui')
  await mkdir(root, { recursive: true })
  const log = join(folder, 'called')
  const program = `#!/bin/sh
echo "${mark} $*" >>'${log}'
if [ "$2" = join ]; then echo "PIN $(cat "$5")" >>'${log}'; fi
if [ "$2" = status ]; then exit 4; fi
`
  await writeFile(join(root, 'chasqui'), program)
  await chmod(join(root, 'chasqui'), 0o755)
  const archive = join(folder, name)
  const made = spawnSync('tar', ['-czf', archive, '-C', join(folder, mark), 'chasqui'])
  if (made.status !== 0) throw new Error(String(made.stderr))
  return archive
}

export async function installerScene(t: TestContext): Promise<InstallerScene> {
  const publisher = await openTestHome(t, { seed: 1 })
  await publish(publisher, 1)
  const folder = await temporaryFolder(t)
  const archive = await fakeArchive(folder, 'chasqui-0.10.0-linux-x64.tar.gz', 'ours')
  const stick = join(folder, 'My stick - 1')
  await mkdir(stick)
  const installer = { archives: [archive], invite: 'chasqui1protected' }
  const { installer: files = [] } = await exportStick(
    publisher,
    { ...everything(stick), installer },
    tools,
    context
  )
  const place = join(stick, 'chasqui', 'installer')
  return {
    folder,
    place,
    code: files[0]?.sha256.slice(0, CODE_DIGITS) ?? '',
    called: () => readFile(join(folder, 'called'), 'utf8').catch(() => ''),
    start(...answers) {
      const run = spawnSync('sh', [join(place, 'start.sh'), join(folder, 'new site')], {
        input: answers.map((answer) => `${answer}\n`).join(''),
        encoding: 'utf8',
        env: { ...process.env, HOME: folder }
      })
      return { status: run.status, stderr: run.stderr }
    }
  }
}
