// How the second readers refuse: with the code that the vector should carry.
export class Refused extends Error {
  readonly code: string
  constructor(code: string) {
    super(code)
    this.code = code
  }
}

export function refuse(code: string): never {
  throw new Refused(code)
}

export function demand(isRight: boolean, code: string): void {
  if (!isRight) refuse(code)
}

/** 'accepted', or the code; an error that is no refusal is what `otherwise` says, or is thrown on. */
export function verdictOf(read: () => unknown, otherwise?: string): string {
  try {
    read()
    return 'accepted'
  } catch (error) {
    if (error instanceof Refused) return error.code
    if (otherwise === undefined) throw error
    return otherwise
  }
}
