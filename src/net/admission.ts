// Admission (FORMAT 9): on a fresh Noise stream each side proves that it is a member of the fleet before anything
// else is said. The initiator speaks first, so that whoever only knocks learns no identity. Three messages:
// hello →, ← hello, commit →. Nothing is opened or replicated before the commit.
import type NoiseSecretStream from '@hyperswarm/secret-stream'
import type { KeyPair } from '@hyperswarm/secret-stream'
import c from 'compact-encoding'
import sodium from 'sodium-native'
import { asChasquiError, ChasquiError } from '../errors.ts'
import type { Member } from '../trust/membership.ts'

const VERSION = 1
const DOMAIN = Buffer.from('chasqui/admission/1\0')
const KIND = { hello: 1, commit: 2, refuse: 3 } as const

const ADMISSION_LIMITS = {
  message: 20_480, // bytes
  time: 10_000, // ms, handshake included
  farewell: 500 // ms in which a refusal may still leave
}

/** What one side says of itself. */
export interface Hello {
  /** random per start of the program: another instance of a node is another life of it */
  instance: Uint8Array
  /** counts the connections that this instance opened; says which of two is newer */
  counter: number
  node: Uint8Array
  membership: Uint8Array
}

export interface AdmittedPeer {
  member: Member
  /** the proof itself, to be checked again when the revocation list grows */
  membership: Uint8Array
  isInitiator: boolean
  /** `instance` of the other side in hex */
  instance: string
  /** counter of the side that opened the connection */
  counter: number
}

export interface AdmissionOptions {
  identity: { keyPair: KeyPair; membership: Uint8Array; instance: Uint8Array; counter: number }
  /** throws when the membership is not good (any more) */
  verifyMembership(membership: Uint8Array): Member
  /** asked by the initiator when both are known: false when this connection is not needed */
  isWanted(peer: AdmittedPeer): boolean
  /** called in the very tick in which the connection becomes usable */
  onAdmitted(peer: AdmittedPeer): void
  onRefused(error: ChasquiError): void
  /** ms for the handshake and the three messages */
  timeLimit?: number
}

/** Runs the exchange on a stream that may still be in its Noise handshake. Destroys the stream when it fails. */
export function admit(stream: NoiseSecretStream, options: AdmissionOptions): void {
  let stage: 'hello' | 'commit' | 'done' = 'hello'
  let remote: (Hello & { member: Member }) | null = null
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
  const peerOf = (hello: Hello & { member: Member }): AdmittedPeer => ({
    member: hello.member,
    membership: hello.membership,
    isInitiator: stream.isInitiator,
    instance: Buffer.from(hello.instance).toString('hex'),
    counter: stream.isInitiator ? options.identity.counter : hello.counter
  })
  const sayHello = () => stream.write(encodeHello(options, stream.isInitiator, stream.handshakeHash))

  const onData = (message: Uint8Array) => {
    try {
      const { kind, body } = decodeMessage(message)
      if (kind === KIND.refuse)
        throw refused(`the peer declined: ${Buffer.from(body).toString().slice(0, 64)}`)
      if (stage === 'hello' && kind === KIND.hello) onHello(body)
      else if (stage === 'commit' && kind === KIND.commit && remote !== null) settle(remote)
      else throw refused('a peer spoke out of turn')
    } catch (thrown) {
      const error = asChasquiError(thrown)
      if (!stream.destroyed) stream.write(encodeMessage(KIND.refuse, Buffer.from(error.code)))
      fail(error)
    }
  }
  const onHello = (body: Uint8Array) => {
    const hello = verifyHello(body, !stream.isInitiator, stream.handshakeHash)
    const member = options.verifyMembership(hello.membership)
    const node = Buffer.from(hello.node).toString('hex')
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
    stream.write(encodeMessage(KIND.commit, new Uint8Array(0)))
    settle(remote)
  }
  const settle = (hello: Hello & { member: Member }) => {
    finish()
    options.onAdmitted(peerOf(hello))
  }

  stream.on('error', () => undefined) // the close that follows says enough
  stream.on('close', onClose)
  stream.on('data', onData)
  void stream.opened.then((isOpen) => {
    if (isOpen && stream.isInitiator && stage === 'hello') sayHello()
  })
}

/** Ends a stream so that what was written still goes out, and closes it for good a moment later. */
function hangUp(stream: NoiseSecretStream): void {
  stream.end()
  setTimeout(() => stream.destroy(), ADMISSION_LIMITS.farewell).unref()
}

function encodeHello(options: AdmissionOptions, isInitiator: boolean, handshakeHash: Uint8Array): Uint8Array {
  const { keyPair, membership, instance, counter } = options.identity
  const signature = Buffer.alloc(64)
  sodium.crypto_sign_detached(
    signature,
    statement({ instance, counter, node: keyPair.publicKey, membership }, isInitiator, handshakeHash),
    keyPair.secretKey
  )
  const state = c.state()
  for (const step of ['preencode', 'encode'] as const) {
    if (step === 'encode') state.buffer = new Uint8Array(state.end)
    c.fixed(8)[step](state, instance)
    c.uint[step](state, counter)
    c.fixed(32)[step](state, keyPair.publicKey)
    c.buffer[step](state, membership)
    c.fixed(64)[step](state, signature)
  }
  return encodeMessage(KIND.hello, state.buffer as Uint8Array)
}

function verifyHello(body: Uint8Array, isInitiator: boolean, handshakeHash: Uint8Array): Hello {
  const state = c.state(0, body.byteLength, body)
  const hello = {
    instance: c.fixed(8).decode(state).slice(),
    counter: c.uint.decode(state),
    node: c.fixed(32).decode(state).slice(),
    membership: c.buffer.decode(state).slice()
  }
  const signature = c.fixed(64).decode(state)
  const message = statement(hello, isInitiator, handshakeHash)
  if (!sodium.crypto_sign_verify_detached(signature, message, hello.node)) {
    throw refused('a peer could not prove its identity')
  }
  return hello
}

/** What is signed binds the identity to this very handshake and to this side of it. */
function statement(hello: Hello, isInitiator: boolean, handshakeHash: Uint8Array): Uint8Array {
  const state = c.state()
  for (const step of ['preencode', 'encode'] as const) {
    if (step === 'encode') state.buffer = new Uint8Array(state.end)
    c.uint[step](state, isInitiator ? 1 : 0)
    c.buffer[step](state, handshakeHash)
    c.fixed(8)[step](state, hello.instance)
    c.uint[step](state, hello.counter)
    c.buffer[step](state, hello.membership)
  }
  return Buffer.concat([DOMAIN, state.buffer as Uint8Array])
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
