declare module 'b4a' {
  const b4a: {
    equals(a: Uint8Array, b: Uint8Array): boolean
    from(text: string, encoding: 'hex' | 'utf8'): Uint8Array
    toString(bytes: Uint8Array, encoding: 'hex' | 'utf8'): string
  }
  export default b4a
}
