// A publisher's chasqui.toml: what its links may carry, what it does with sticks. Everything has a default.
import { z } from 'zod'
import { linksSchema } from '../src/member/links-config.ts'
import { readTables } from '../src/member/links-switch.ts'
import { sticksSchema } from '../src/stick/stick-config.ts'
import { checkConfig, fromFile, readConfigText, withEnvironment } from '../src/system/config.ts'
import { realFileSystem } from '../src/system/real-file-system.ts'

const publisherSchema = z.strictObject({
  links: linksSchema.prefault({}),
  sticks: sticksSchema.prefault({})
})
export type PublisherConfig = z.output<typeof publisherSchema>

/** The configuration of the home whose file is at `path`. Throws CONFIG_*. */
export async function loadPublisherConfig(
  path: string,
  environment: NodeJS.ProcessEnv
): Promise<PublisherConfig> {
  const tables = readTables(await readConfigText(realFileSystem, path), path)
  return checkConfig(
    withEnvironment(fromFile(tables, path), ['links', 'sticks'], environment),
    publisherSchema
  )
}
