// One branch behind a line of 10 Mbit/s that dies every three seconds, real processes: how much of the pack the line carried
// twice. For the test and for the bench.
import { spawn } from 'node:child_process'
import { cutLine } from './cut-line.ts'
import { SwarmProcess } from './swarm.ts'
import type { SwarmMember } from './swarm-member.ts'

const LINE = { rate: 1_250_000, life: 3000 } // bytes a second, ms

export interface DyingLine {
  /** bytes that the line carried towards the branch ÷ bytes of the pack */
  ratio: number
  cuts: number
}

/** @param packBytes bytes */
export async function overDyingLine(packBytes: number): Promise<DyingLine> {
  const member = (options: Partial<SwarmMember> & { name: string; role: SwarmMember['role'] }) =>
    new SwarmProcess((command, args) => spawn(command, args, { stdio: ['pipe', 'pipe', 'inherit'] }), {
      peers: [],
      lan: false,
      ...options
    })
  const from = member({ name: 'publisher', role: 'publisher', listen: '127.0.0.1:0', packBytes })
  const { port = 0 } = await from.until('ready')
  const line = await cutLine({ to: port, ...LINE })
  const branch = member({ name: 'branch', role: 'branch', peers: [`127.0.0.1:${line.port}`] })
  try {
    await branch.until('done')
    return { ratio: line.carried / packBytes, cuts: line.cuts }
  } finally {
    await Promise.all([branch.kill(), from.kill()])
    await line.close()
  }
}
