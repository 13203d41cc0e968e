// Admission (FORMAT 9.2): on a fresh Noise stream each side shows that it holds the fleet secret before either says who it
// is, then proves that it is a member. Whoever only knocks, or lets itself be dialled, learns no identity. Messages:
// proof ⇄, hello →, ← hello, commit →. Nothing is opened or replicated before the commit.
import type NoiseSecretStream from '@hyperswarm/secret-stream'
import type { KeyPair } from '@hyperswarm/secret-stream'
import { asChasquiError, ChasquiError } from '../errors.ts'
import { toHex } from '../trust/bytes.ts'
import { encodeHello, type Hello, proofOf, verifyHello, verifyProof } from './hello.ts'
import type { LinkMember } from './peer.ts'

const VERSION = 1
const KIND = { hello: 1, commit: 2, refuse: 3, proof: 4 } as const

const ADMISSION_LIMITS = {
  message: 20_480, // bytes
  time: 10_000, // ms, handshake included
  farewell: 500 // ms in which a refusal may still leave
}

export interface AdmittedPeer {
  member: LinkMember
  /** the proof itself, to be checked again when the revocation list grows */
  membership: Uint8Array
  isInitiator: boolean
  /** `instance` of the other side in hex */
  instance: string
  /** counter of the side that opened the connection */
  counter: number
}

export interface AdmissionOptions {
  /** from admissionKey(): who does not have it is told nothing */
  key: Uint8Array
  identity: { keyPair: KeyPair; membership: Uint8Array; instance: Uint8Array; counter: number }
  /** throws when the membership is not good (any more) */
  verifyMembership(membership: Uint8Array): LinkMember
  /** asked by the initiator when both are known: false when this connection is not needed */
  isWanted(peer: AdmittedPeer): boolean
  /** called in the very tick in which the connection becomes usable */
  onAdmitted(peer: AdmittedPeer): void
  onRefused(error: ChasquiError): void
  /** ms for the handshake and the messages */
  timeLimit?: number
}

/** Runs the exchange on a stream that may still be in its Noise handshake. Destroys the stream when it fails. */
export function admit(stream: NoiseSecretStream, options: AdmissionOptions): void {
  let stage: 'proof' | 'hello' | 'commit' | 'done' = 'proof'
  let remote: (Hello & { member: LinkMember }) | null = null
  const timer = setTimeout(
    () => fail(refused('a peer took too long to introduce itself')),
    options.timeLimit ?? ADMISSION_LIMITS.time
  )

  const finish = () => {
    stage = 'done'
    clearTimeout(timer)
    stream.removeListener('data', onData)
    stream.removeListener('close', onClose)
  }
  const fail = (error: ChasquiError) => {
    if (stage === 'done') return
    finish()
    hangUp(stream)
    options.onRefused(error)
  }
  const onClose = () => fail(refused('a peer hung up before it was admitted'))
  const peerOf = (hello: Hello & { member: LinkMember }): AdmittedPeer => ({
    member: hello.member,
    membership: hello.membership,
    isInitiator: stream.isInitiator,
    instance: toHex(hello.instance),
    counter: stream.isInitiator ? options.identity.counter : hello.counter
  })
  const say = (kind: number, body: Uint8Array) => stream.write(encodeMessage(kind, body))
  const sayHello = () =>
    say(KIND.hello, encodeHello(options.identity, stream.isInitiator, stream.handshakeHash))

  const onData = (message: Uint8Array) => {
    try {
      const { kind, body } = decodeMessage(message)
      if (kind === KIND.refuse)
        throw refused(`the peer declined: ${Buffer.from(body).toString().slice(0, 64)}`)
      if (stage === 'proof' && kind === KIND.proof) onProof(body)
      else if (stage === 'hello' && kind === KIND.hello) onHello(body)
      else if (stage === 'commit' && kind === KIND.commit && remote !== null) settle(remote)
      else throw refused('a peer spoke out of turn')
    } catch (thrown) {
      const error = asChasquiError(thrown)
      // a stranger is not even told why
      if (!stream.destroyed && stage !== 'proof') say(KIND.refuse, Buffer.from(error.code))
      fail(error)
    }
  }
  let hasProven = false
  const prove = () => {
    if (hasProven || stage === 'done') return
    hasProven = true
    say(KIND.proof, proofOf(options.key, stream.isInitiator, stream.handshakeHash))
  }
  const onProof = (body: Uint8Array) => {
    if (!verifyProof(body, options.key, !stream.isInitiator, stream.handshakeHash)) {
      throw refused('a peer does not hold the fleet secret')
    }
    prove()
    stage = 'hello'
    if (stream.isInitiator) sayHello()
  }
  const onHello = (body: Uint8Array) => {
    const hello = verifyHello(body, !stream.isInitiator, stream.handshakeHash)
    if (hello === null) throw refused('a peer could not prove its identity')
    const member = options.verifyMembership(hello.membership)
    const node = toHex(hello.node)
    if (member.node !== node) throw refused('the membership belongs to another node')
    if (Buffer.compare(hello.node, options.identity.keyPair.publicKey) === 0) {
      throw refused('this is our own node')
    }
    remote = { ...hello, member }
    if (!stream.isInitiator) {
      sayHello()
      stage = 'commit'
      return
    }
    if (!options.isWanted(peerOf(remote))) throw refused('this connection would be a second one')
    say(KIND.commit, new Uint8Array(0))
    settle(remote)
  }
  const settle = (hello: Hello & { member: LinkMember }) => {
    finish()
    options.onAdmitted(peerOf(hello))
  }

  stream.on('error', () => undefined) // the close that follows says enough
  stream.on('close', onClose)
  stream.on('data', onData)
  void stream.opened.then((isOpen) => {
    if (isOpen) prove()
  })
}

/** Ends a stream so that what was written still goes out, and closes it for good a moment later. */
function hangUp(stream: NoiseSecretStream): void {
  stream.end()
  setTimeout(() => stream.destroy(), ADMISSION_LIMITS.farewell).unref()
}

function encodeMessage(kind: number, body: Uint8Array): Uint8Array {
  return Buffer.concat([Buffer.from([VERSION, kind]), body])
}

function decodeMessage(message: Uint8Array): { kind: number; body: Uint8Array } {
  if (message.byteLength < 2 || message.byteLength > ADMISSION_LIMITS.message || message[0] !== VERSION) {
    throw refused('a peer speaks another protocol')
  }
  return { kind: message[1] as number, body: message.subarray(2) }
}

function refused(message: string): ChasquiError {
  return new ChasquiError('ADMISSION_REFUSED', message, {
    hint: 'if this is one of your branches, check that it joined this fleet and was not revoked'
  })
}
