// Any small tree: files in a few folders, some of them executable, and symlinks to some of the files.
import { posix } from 'node:path'
import fc from 'fast-check'
import type { TestFile, TestFiles } from './fixtures.ts'

const FILES = ['a', 'b/c', 'b/d.py', 'b/e.py', 'deep/er/f.js', 'deep/g.js', 'ñ.txt', 'h', 'i/j/k/l']
/** two of them are files in other trees, so that a file becomes a link and a link a file */
const LINKS = ['link', 'b/link', 'deep/er/link', 'b/d.py', 'h']

/** @param content what a file may hold */
export function anyTree(content: fc.Arbitrary<string | Buffer>): fc.Arbitrary<TestFiles> {
  const options = { noNullPrototype: true }
  const files = fc.dictionary(
    fc.constantFrom(...FILES),
    fc.record<TestFile>({ content, executable: fc.boolean() }),
    { ...options, minKeys: 1 }
  )
  const links = fc.dictionary(fc.constantFrom(...LINKS), fc.nat({ max: FILES.length }), options)
  return fc.tuple(files, links).map(([files, links]) => {
    const tree: TestFiles = { ...files }
    const targets = Object.keys(files).filter((path) => !(path in links))
    if (targets.length === 0) return tree
    for (const [path, nth] of Object.entries(links)) {
      const target = targets[nth % targets.length] as string
      tree[path] = { content: posix.relative(posix.dirname(path), target), link: true }
    }
    return tree
  })
}
