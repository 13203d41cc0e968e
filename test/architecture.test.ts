// The habits that the linter cannot see: what pure layers may touch, who may write to the terminal, how a file opens,
// and what must never stand in a tracked file. Each rule is a row; each is also shown a text that it has to refuse.
import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'

const root = join(import.meta.dirname, '..')
const SELF = 'test/architecture.test.ts'
const tracked = execFileSync('git', ['ls-files', '-z'], { cwd: root, encoding: 'utf8' })
  .split('\0')
  .filter((path) => path !== '' && path !== SELF && existsSync(join(root, path)))

interface Rule {
  name: string
  files: RegExp
  except?: RegExp
  forbidden: RegExp
  /** strip comments first: prose may name what code may not use */
  code: boolean
  refuses: string
}

const SOURCE = /^(src|publisher|node|usb-sync|bin)\/.*\.ts$/
const PURE = /^src\/(release|trust|fleet)\/.*\.ts$/
/** Besides src/cli: what Hypercore prints goes to stderr, and the shop's own program is not ours. */
const WRITERS = /^(src\/cli\/|src\/feed\/store\.ts$|src\/demo\/till(-control)?\.ts$)/

const RULES: Rule[] = [
  {
    name: 'pure layers read no clock',
    files: PURE,
    forbidden: /\bDate\.now\b|\bnew Date\(\s*\)|\bperformance\./,
    code: true,
    refuses: 'const now = new Date()'
  },
  {
    name: 'pure layers make no randomness',
    files: PURE,
    forbidden: /\bMath\.random\b|\brandomBytes\b|\brandomUUID\b|\brandombytes_/,
    code: true,
    refuses: 'sodium.randombytes_buf(seed)'
  },
  {
    name: 'pure layers know no process and no timers',
    files: PURE,
    forbidden: /\bprocess\.|\bset(Timeout|Interval|Immediate)\(/,
    code: true,
    refuses: 'process.env.HOME'
  },
  {
    name: 'only src/cli writes to the terminal',
    files: SOURCE,
    except: WRITERS,
    forbidden: /\bconsole\.|\bprocess\.(stdout|stderr)\b(?!\.(isTTY|columns)\b)/,
    code: true,
    refuses: "console.log('here')"
  },
  {
    name: 'no escape from the type checker',
    files: /\.ts$/,
    forbidden: /@ts-(ignore|nocheck|expect-error)/,
    code: false,
    refuses: '// @ts-ignore'
  },
  {
    name: 'no value of type any',
    files: /\.ts$/,
    forbidden: /\bas any\b|:\s*any\s*([,;)=\]}|&>]|$)/m,
    code: true,
    refuses: 'const x = y as any'
  },
  {
    name: 'no marks of unfinished work',
    files: /\.(ts|js|md|json|yml|py|xml)$|^\.ci\//,
    forbidden: /\b(TODO|FIXME|XXX|HACK)\b/,
    code: false,
    refuses: '// FIXME later'
  },
  {
    name: 'no path of a machine',
    files: /./,
    except: /^src\/demo\/addons\/.*\.png$/,
    forbidden: /(?<![\w.])\/(work|root|home\/\w+|Users\/\w+)\//,
    code: false,
    refuses: 'see /work/notes'
  },
  {
    name: 'no registry host in sources, documents and configuration',
    files: /./,
    except: /^package-lock\.json$/,
    forbidden: /\bregistry\.\w+\.\w+|\bverdaccio\b|\bartifactory\b|^registry\s*=/im,
    code: false,
    refuses: 'registry=https://registry.example.org/'
  },
  {
    name: 'the lock file names the public registry or none',
    files: /^package-lock\.json$/,
    forbidden: /"resolved": "(?!https:\/\/registry\.npmjs\.org\/)/,
    code: false,
    refuses: '"resolved": "http://10.0.0.1:4873/x.tgz"'
  }
]

/** The source without its comments (line comments that follow a space or start a line, and block comments). */
function withoutComments(source: string): string {
  return source.replace(/\/\*[\s\S]*?\*\//g, '').replace(/(^|\s)\/\/.*$/gm, '$1')
}

function offences(rule: Rule): string[] {
  return tracked
    .filter((path) => rule.files.test(path) && !(rule.except?.test(path) ?? false))
    .filter((path) => {
      const text = readFileSync(join(root, path), 'utf8')
      return rule.forbidden.test(rule.code ? withoutComments(text) : text)
    })
}

for (const rule of RULES) {
  test(rule.name, () => {
    assert.match(rule.refuses, rule.forbidden, 'the rule itself must be able to fail')
    assert.deepEqual(offences(rule), [])
  })
}

test('every source file opens with a comment that says what it is for', () => {
  const bare = tracked.filter(
    (path) =>
      SOURCE.test(path) &&
      !/^src\/(demo\/addons|hyper-types)\//.test(path) &&
      !/^(#!.*\n)?\/\/ \S/.test(readFileSync(join(root, path), 'utf8'))
  )
  assert.deepEqual(bare, [])
})

/** Files that a source imports values from: types do not count, they are gone when the program runs. */
function valueImports(path: string, source: string): string[] {
  const statements = source.matchAll(/^(?:import|export)\s+(?!type\b)([^'";]*?\bfrom\s+)?'(\.[^']+)'/gm)
  return [...statements].flatMap(([, names = '', target = '']) => {
    const named = /^\{([^}]*)\}/
      .exec(names.trim())?.[1]
      ?.split(',')
      .filter((one) => one.trim() !== '')
    const onlyTypes = named?.every((one) => one.trim().startsWith('type ')) ?? false
    return onlyTypes ? [] : [join(path, '..', target).replaceAll('\\', '/')]
  })
}

/** The first circle, as the files along it; null: there is none. */
function circleIn(graph: ReadonlyMap<string, readonly string[]>): string[] | null {
  const done = new Set<string>()
  const visit = (file: string, way: string[]): string[] | null => {
    if (way.includes(file)) return [...way.slice(way.indexOf(file)), file]
    if (done.has(file)) return null
    for (const next of graph.get(file) ?? []) {
      const circle = visit(next, [...way, file])
      if (circle !== null) return circle
    }
    done.add(file)
    return null
  }
  for (const file of graph.keys()) {
    const circle = visit(file, [])
    if (circle !== null) return circle
  }
  return null
}

test('no file needs itself by way of others', () => {
  const wrong = new Map([
    ['a.ts', valueImports('a.ts', "import { b } from './b.ts'\n")],
    ['b.ts', valueImports('b.ts', "import { type C, a } from './a.ts'\n")]
  ])
  assert.deepEqual(circleIn(wrong), ['a.ts', 'b.ts', 'a.ts'], 'the rule itself must be able to fail')
  assert.deepEqual(
    valueImports('a.ts', "import type { B } from './b.ts'\nimport { type B } from './b.ts'\n"),
    []
  )
  const sources = tracked.filter((path) => SOURCE.test(path) && !path.endsWith('.d.ts'))
  const graph = new Map(
    sources.map((path) => [path, valueImports(path, readFileSync(join(root, path), 'utf8'))])
  )
  assert.equal(circleIn(graph), null)
})
