declare module 'fd-lock' {
  export default class FDLock {
    constructor(fd: number, options?: { wait?: boolean })
    ready(): Promise<void>
    close(): Promise<void>
  }
}
