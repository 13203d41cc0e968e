// The shortest proof for a block of a stick: its path in the Merkle tree up to what the home has already.
import type { BlockCore, TreeNode } from '../feed/block-core.ts'
import type { CoreOnStick } from './feed-folder.ts'
import { childrenOf, parentOf, siblingOf } from './tree.ts'

/**
 * Which nodes the home has, asked as rarely as possible: a core that stores a node stores all above it up to a root, so
 * below a node that is absent everything is. To hold one for absent that has come in meanwhile only makes a proof longer.
 */
export class StoredNodes {
  readonly #core: BlockCore
  readonly #known = new Map<number, boolean>()

  constructor(core: BlockCore) {
    this.#core = core
  }

  /** The siblings from `index` up to the lowest node that the home has; null when the stick's tree ends before one. */
  async pathFrom(stick: CoreOnStick, index: number): Promise<TreeNode[] | null> {
    const chain = chainAbove(stick, index)
    let lowest = chain.length
    while (lowest > 0 && (await this.#has((chain[lowest - 1] as Link).at))) lowest--
    if (lowest === chain.length) return null
    return chain.slice(0, lowest).map(({ sibling }) => sibling as TreeNode)
  }

  /** A proof for `index` was stored that led `levels` up: its nodes are there now, and the parents that they make. */
  addPath(index: number, levels: number): void {
    let at = index
    this.#known.set(at, true)
    for (let level = 0; level < levels; level++) {
      this.#addBare(siblingOf(at))
      at = parentOf(at)
      this.#known.set(at, true)
    }
  }

  /** A node that was absent came without what is beneath it. */
  #addBare(index: number): void {
    if (this.#known.get(index) === true) return
    this.#known.set(index, true)
    if (index % 2 === 0) return
    for (const child of childrenOf(index)) if (!this.#known.has(child)) this.#known.set(child, false)
  }

  async #has(index: number): Promise<boolean> {
    const known = this.#known.get(index)
    if (known !== undefined) return known
    const found = (await this.#core.node(index)) !== null
    // another proof may have brought it while this waited
    if (!this.#known.has(index)) this.#known.set(index, found)
    return this.#known.get(index) as boolean
  }
}

interface Link {
  at: number
  /** null at a root of the stick's tree */
  sibling: TreeNode | null
}

/** A node and those above it, up to the root that the stick's head has. */
function chainAbove(stick: CoreOnStick, index: number): Link[] {
  const chain: Link[] = []
  for (let at = index; ; at = parentOf(at)) {
    const sibling = stick.tree.get(siblingOf(at))
    const parent = stick.tree.get(parentOf(at))
    if (sibling === undefined || parent === undefined) return [...chain, { at, sibling: null }]
    chain.push({ at, sibling })
  }
}
