// Reads a Python literal (what ast.literal_eval would accept, without bytes and complex numbers) as data. The grammar is
// Lezer's; the walker knows the few node types of literals and refuses everything else. Nothing is ever run.
import { parser } from '@lezer/python'
import { ChasquiError } from '../../errors.ts'

export type PythonValue = string | number | boolean | null | PythonValue[] | Map<string, PythonValue>

const LITERAL_LIMITS = {
  length: 256 * 1024, // characters of the source
  depth: 32, // nested brackets
  values: 20_000
} as const

type Node = ReturnType<typeof parser.parse>['topNode']

const STRING = /^([rRuU]?)('''|"""|'|")([\s\S]*)\2$/
const INTEGER = /^(0|[1-9](_?\d)*|0+|0[xX](_?[0-9a-fA-F])+|0[oO](_?[0-7])+|0[bB](_?[01])+)$/
const FLOAT = /^(?=.*[.eE])((\d(_?\d)*)?\.\d(_?\d)*|\d(_?\d)*\.?)([eE][+-]?\d(_?\d)*)?$/
const ESCAPE =
  /\\(\n|[\\'"abfnrtv]|[0-7]{1,3}|x[0-9a-fA-F]{2}|u[0-9a-fA-F]{4}|U[0-9a-fA-F]{8}|N\{[^}]*\}|[xuUN]|[\s\S]|$)/g
const SIMPLE: Record<string, string> = {
  '\n': '',
  '\\': '\\',
  "'": "'",
  '"': '"',
  a: '\x07',
  b: '\b',
  f: '\f',
  n: '\n',
  r: '\r',
  t: '\t',
  v: '\v'
}

/** The value of the one expression in `source`; comments may stand around it. Throws ODOO_MANIFEST_INVALID. */
export function parsePythonLiteral(source: string): PythonValue {
  if (source.length > LITERAL_LIMITS.length) throw invalid('it is too large')
  const text = source.replace(/^\ufeff/, '').replace(/\r\n?/g, '\n')
  if (text.includes('\0')) throw invalid('it has a NUL character')
  refuseDepth(text)
  const statements = childrenOf(parser.parse(text).topNode)
  const [statement] = statements
  if (statements.length !== 1 || statement?.name !== 'ExpressionStatement') {
    throw invalid('it must be one expression and nothing else')
  }
  const [expression, ...rest] = childrenOf(statement)
  if (expression === undefined || rest.length > 0) throw invalid('it must be one expression and nothing else')
  return new Walker(text).value(expression, 0)
}

/** Brackets are counted before parsing, wherever they stand: the parser itself shall not meet a tower of them. */
function refuseDepth(text: string): void {
  let depth = 0
  for (const character of text) {
    if (character === '[' || character === '(' || character === '{') depth++
    else if (character === ']' || character === ')' || character === '}') depth = Math.max(0, depth - 1)
    if (depth > LITERAL_LIMITS.depth * 8) throw invalid('it is nested too deeply')
  }
}

function childrenOf(node: Node): Node[] {
  const children: Node[] = []
  for (let child = node.firstChild; child !== null; child = child.nextSibling) {
    if (child.name !== 'Comment') children.push(child)
  }
  return children
}

class Walker {
  readonly #text: string
  #values = 0

  constructor(text: string) {
    this.#text = text
  }

  value(node: Node, depth: number): PythonValue {
    if (depth > LITERAL_LIMITS.depth) throw invalid('it is nested too deeply')
    if (++this.#values > LITERAL_LIMITS.values) throw invalid('it has too many values')
    switch (node.name) {
      case 'String':
        return this.#string(node)
      case 'ContinuedString':
        return childrenOf(node)
          .map((part) => this.#string(part))
          .join('')
      case 'Number':
        return this.#number(node)
      case 'Boolean':
        return this.#source(node) === 'True'
      case 'None':
        return null
      case 'UnaryExpression':
        return this.#signed(node)
      case 'ParenthesizedExpression':
        return this.#parenthesized(node, depth)
      case 'ArrayExpression':
      case 'TupleExpression':
      case 'SetExpression':
        return this.#items(node).map((item) => this.value(item, depth + 1))
      case 'DictionaryExpression':
        return this.#dictionary(node, depth)
      default:
        throw this.#refuse(node)
    }
  }

  #source(node: Node): string {
    return this.#text.slice(node.from, node.to)
  }

  /** Items between the brackets; each must be followed by exactly one comma, which the last one may lack. */
  #items(node: Node): Node[] {
    const inner = childrenOf(node).slice(1, -1)
    for (const [i, child] of inner.entries()) {
      const isComma = child.name === ','
      if (child.type.isError || isComma !== (i % 2 === 1)) throw this.#refuse(child)
    }
    this.#refuseUnclosed(node)
    return inner.filter((_, i) => i % 2 === 0)
  }

  #refuseUnclosed(node: Node): void {
    const last = this.#text[node.to - 1]
    const close = { '[': ']', '(': ')', '{': '}' }[this.#text[node.from] ?? '']
    if (close === undefined || last !== close || node.lastChild?.type.isError) throw this.#refuse(node)
  }

  #parenthesized(node: Node, depth: number): PythonValue {
    this.#refuseUnclosed(node)
    const inner = childrenOf(node).slice(1, -1)
    if (inner.length !== 1) throw this.#refuse(node)
    return this.value(inner[0] as Node, depth + 1)
  }

  #dictionary(node: Node, depth: number): Map<string, PythonValue> {
    this.#refuseUnclosed(node)
    const result = new Map<string, PythonValue>()
    const inner = childrenOf(node).slice(1, -1)
    for (let i = 0; i < inner.length; i += 4) {
      const [keyNode, colon, valueNode, comma] = inner.slice(i, i + 4)
      if (keyNode === undefined || valueNode === undefined || colon?.name !== ':')
        throw this.#refuse(keyNode ?? node)
      if (comma !== undefined && comma.name !== ',') throw this.#refuse(comma)
      const key = this.value(keyNode, depth + 1)
      if (typeof key !== 'string') throw this.#refuse(keyNode)
      result.set(key, this.value(valueNode, depth + 1))
    }
    return result
  }

  #signed(node: Node): number {
    const [operator, operand] = childrenOf(node)
    const sign = operator === undefined ? '' : this.#source(operator)
    if (operand?.name !== 'Number' || (sign !== '-' && sign !== '+')) throw this.#refuse(node)
    const value = this.#number(operand)
    return sign === '-' ? -value : value
  }

  #number(node: Node): number {
    const source = this.#source(node)
    const value = Number(source.replaceAll('_', ''))
    if (!(INTEGER.test(source) || FLOAT.test(source)) || !Number.isFinite(value)) throw this.#refuse(node)
    return value
  }

  #string(node: Node): string {
    const match = node.name === 'String' ? STRING.exec(this.#source(node)) : null
    if (match === null) throw this.#refuse(node)
    const [, prefix = '', quote = '', body = ''] = match
    if (quote.length === 1 && /(^|[^\\])(\\\\)*\n/.test(body)) throw this.#refuse(node)
    return prefix.toLowerCase() === 'r'
      ? body
      : body.replace(ESCAPE, (_, found: string) => this.#escape(found, node))
  }

  #escape(found: string, node: Node): string {
    const simple = SIMPLE[found]
    if (simple !== undefined) return simple
    if (/^[0-7]/.test(found)) return String.fromCodePoint(Number.parseInt(found, 8))
    if (/^[xuU]./.test(found)) return this.#codePoint(Number.parseInt(found.slice(1), 16), node)
    // \N{name} needs Unicode's table of names; a lone \x, \u, \U or \N is an error in Python too
    if (/^([xuUN]|$)/.test(found)) throw this.#refuse(node)
    return `\\${found}`
  }

  #codePoint(value: number, node: Node): string {
    if (value > 0x10ffff || (value >= 0xd800 && value <= 0xdfff)) throw this.#refuse(node)
    return String.fromCodePoint(value)
  }

  #refuse(node: Node): ChasquiError {
    const line = this.#text.slice(0, node.from).split('\n').length
    const shown = this.#source(node).slice(0, 40).replace(/\s+/g, ' ')
    return invalid(`line ${line}: ${shown === '' ? 'something is missing' : `"${shown}" is not plain data`}`)
  }
}

function invalid(why: string): ChasquiError {
  return new ChasquiError('ODOO_MANIFEST_INVALID', `the Odoo manifest cannot be read: ${why}`, {
    hint: 'it must be one dictionary of plain strings, numbers, lists and booleans'
  })
}
