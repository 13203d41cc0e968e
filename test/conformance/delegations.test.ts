// Order and reach of delegations (TUF 5.6.7): what is asked for, in which order, and what is never found.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { clientFor } from './client-under-test.ts'
import { Simulator } from './simulator.ts'

interface Edge {
  from: string
  to: string
  paths?: string[]
  terminating?: boolean
}
const edge = (from: string, to: string, more: Partial<Edge> = {}): Edge => ({ from, to, ...more })

const graphs: { name: string; edges: Edge[]; visited: string[] }[] = [
  { name: 'one role', edges: [edge('targets', 'A')], visited: ['A'] },
  { name: 'two roles in order', edges: [edge('targets', 'B'), edge('targets', 'A')], visited: ['B', 'A'] },
  {
    name: 'numeric names keep their order',
    edges: [edge('targets', '20'), edge('targets', 'A'), edge('targets', '3')],
    visited: ['20', 'A', '3']
  },
  {
    name: 'depth first',
    edges: [edge('targets', 'A'), edge('targets', 'B'), edge('A', 'C'), edge('A', 'D'), edge('C', 'E')],
    visited: ['A', 'C', 'E', 'D', 'B']
  },
  {
    name: 'a terminating role ends the search beside it',
    edges: [
      edge('targets', 'A'),
      edge('targets', 'B'),
      edge('A', 'C', { terminating: true }),
      edge('A', 'D')
    ],
    visited: ['A', 'C']
  },
  {
    name: 'a terminating role does not end the search below it',
    edges: [edge('targets', 'A', { terminating: true }), edge('targets', 'B'), edge('A', 'C')],
    visited: ['A', 'C']
  },
  {
    name: 'a terminating role that does not match is passed over',
    edges: [edge('targets', 'A', { terminating: true, paths: ['*.py'] }), edge('targets', 'B')],
    visited: ['B']
  },
  {
    name: 'a cycle ends',
    edges: [edge('targets', 'A'), edge('A', 'B'), edge('B', 'C'), edge('C', 'A')],
    visited: ['A', 'B', 'C']
  },
  {
    name: 'a role is asked once',
    edges: [edge('targets', 'A'), edge('targets', 'B'), edge('B', 'C'), edge('A', 'C')],
    visited: ['A', 'C', 'B']
  },
  {
    name: 'a role is reached through whoever delegates the path',
    edges: [edge('targets', 'A'), edge('targets', 'B'), edge('B', 'C'), edge('A', 'C', { paths: ['*.py'] })],
    visited: ['A', 'B', 'C']
  }
]

for (const { name, edges, visited } of graphs) {
  test(`asks roles in order: ${name}`, async (t) => {
    const client = await clientFor(t)
    for (const { from, to, paths = ['*'], terminating = false } of edges) {
      client.repo.delegate(from, { name: to, paths, terminating })
    }
    client.repo.publish()
    assert.equal(await client.download('missing'), 1)
    assert.deepEqual(
      client.repo.requests.slice(4),
      visited.map((role) => `1.${role}.json`)
    )
  })
}

const patterns: [pattern: string, path: string, found: boolean][] = [
  ['*.md', 'README.md', true],
  ['*', 'a/b', false],
  ['a/*', 'a/b', true],
  ['a/*', 'a/b/c', false],
  ['f?o/bar', 'foo/bar', true],
  ['f?o/bar', 'fo/bar', false],
  ['**', 'a/b', false],
  ['*', '.hidden', true],
  ['{a,b}', 'a', false],
  ['!a', 'b', false],
  ['#a', '#a', true],
  ['[ab]', 'a', false],
  ['*a*b*', 'xxaxxbxx', true],
  ['foo-version-?????.tgz', 'foo-version-alpha.tgz', true]
]

test('path patterns: only * and ?, within one segment', async (t) => {
  const repo = new Simulator()
  const client = await clientFor(t, repo)
  for (const [i, [pattern, path]] of patterns.entries()) {
    repo.delegate('targets', { name: `role${i}`, paths: [pattern] })
    repo.addTarget(`role${i}`, path, `content ${i}`)
  }
  repo.publish()
  assert.equal(await client.refresh(), 0)
  for (const [i, [pattern, path, found]] of patterns.entries()) {
    repo.requests.length = 0
    await client.download(path)
    const asked =
      repo.requests.some((name) => name.endsWith(`role${i}.json`)) ||
      (await client.trusted())[`role${i}`] === 1
    assert.equal(asked, found, `${pattern} covers ${path}`)
  }
})

test('hash prefixes and bins find their role', async (t) => {
  const prefixed = await clientFor(t)
  prefixed.repo.delegate('targets', { name: 'low', path_hash_prefixes: [...'01234567'] })
  prefixed.repo.delegate('targets', { name: 'high', path_hash_prefixes: [...'89abcdef'] })
  // SHA-256 of "a" starts with c, of "b" with 3
  prefixed.repo.addTarget('high', 'a', 'high a')
  prefixed.repo.addTarget('low', 'b', 'low b')
  prefixed.repo.addTarget('low', 'f', 'f has 2 in front')
  prefixed.repo.addTarget('high', 'c', 'c has 2 in front: not for high')
  prefixed.repo.publish()
  assert.equal(await prefixed.download('a', 'b', 'f'), 0)
  assert.equal(await prefixed.download('c'), 1)

  const binned = await clientFor(t)
  binned.repo.delegateBins(4, 'bin')
  binned.repo.addTarget('bin-c', 'a', 'in the right bin')
  binned.repo.addTarget('bin-0', 'b', 'in a wrong bin')
  binned.repo.publish()
  assert.equal(await binned.download('a'), 0)
  assert.equal(await binned.download('b'), 1)
  assert.deepEqual(await binned.artifacts(), ['in the right bin'])
})

test('role names that are dangerous in URLs and paths are encoded', async (t) => {
  for (const name of ['?', '#', '/role', '../role', 'a b', "it's (here)*!", '..', 'ñandú']) {
    const client = await clientFor(t)
    client.repo.delegate('targets', { name, paths: ['*'] })
    client.repo.publish()
    assert.equal(await client.download('missing'), 1)
    const asked = client.repo.requests.at(-1) ?? ''
    assert.match(asked, /^1\.[A-Za-z0-9_.%~-]+\.json$/)
    assert.equal(decodeURIComponent(asked), `1.${name}.json`)
    assert.equal(Object.keys(await client.trusted()).length, 5)
  }
})

test('names that are longer than a file name may be, once they are encoded, are kept all the same', async (t) => {
  const client = await clientFor(t)
  const [role, path] = ['é'.repeat(100), `${'ñ'.repeat(150)}/${'a'.repeat(300)}`]
  client.repo.delegate('targets', { name: role, paths: ['*/*'] })
  client.repo.addTarget(role, path, 'content')
  client.repo.addTarget(role, `${path}b`, 'another')
  client.repo.publish()
  assert.equal(await client.download(path, `${path}b`), 0)
  assert.deepEqual((await client.artifacts()).sort(), ['another', 'content'])
  client.repo.requests.length = 0
  assert.equal(await client.download(path), 0)
  assert.deepEqual(
    client.repo.requests,
    ['2.root.json', 'timestamp.json'],
    'the role is taken from the store'
  )
})

test('a target outside the pattern of its role is not found', async (t) => {
  const client = await clientFor(t)
  client.repo.delegate('targets', { name: 'releases', paths: ['releases/*/*'] })
  client.repo.delegate('releases', { name: 'y', paths: ['releases/y/*'] })
  client.repo.addTarget('y', 'releases/y/1', 'inside')
  client.repo.addTarget('y', 'releases/z/1', 'outside')
  client.repo.publish()
  assert.equal(await client.download('releases/y/1'), 0)
  assert.equal(await client.download('releases/z/1'), 1)
})
