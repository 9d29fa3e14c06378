/** The session: its frames one by one, and whole conversations with a peer that says anything. */
import { ByteReader, ByteWriter, below, hlcFromMs, limits, nodeId, seededRandom, type Random } from '@selvedge/core'
import { hashesEqual, type RegisterTable } from '@selvedge/documents'
import { decoders, nodeCompressor } from '@selvedge/session'
import { deflateRawSync } from 'node:zlib'
import { expectedCodes } from '../expected-codes.js'
import { Broken, decoding, hold, type Input, type OpenTarget, type Target } from '../target.js'
import { holdSize, sameBytes, totalBytes } from '../weigh.js'
import { HostilePeer } from './hostile-peer.js'
import { many, newTable, sampleTable } from './sample-values.js'
import { drain, openSide, talk, type Side } from './session-side.js'
import { holdSound } from './table-checks.js'

const { closeBody, decodeFrame, encodeFrame, helloMessage, Kind, readClose, readHello } = decoders

const bombSizes = [1 << 10, 1 << 18, (1 << 18) + 1, 1 << 20, 64 << 20]
let made: Uint8Array[] | undefined

/** Bodies that inflate to just as much as they may, to more, and to very much more. */
function bombs(): readonly Uint8Array[] {
  return (made ??= bombSizes.map(bytes => deflateRawSync(new Uint8Array(bytes))))
}

const deflatedBit = 0x40

/** The frame with its body deflated, or with one that inflates to more than it may. */
function deflated(frame: Uint8Array, random: Random): Uint8Array {
  if (frame.length === 0 || (frame[0]! & deflatedBit) !== 0) return frame
  const body = below(random, 200) === 0 ? bombs()[below(random, bombSizes.length)]! : deflateRawSync(frame.subarray(1))
  const whole = new Uint8Array(body.length + 1)
  whole[0] = frame[0]! | deflatedBit
  whole.set(body, 1)
  return whole
}

const frames: Target = {
  name: 'frame',
  from: 'every session, before anything else is looked at',
  reaches: ['decodeFrame'],
  open: random => ({
    corpus: many(20, i => [
      encodeFrame((1 + (i % 18)) as 1, i % 2 === 0, random.bytes(i * 20), i % 3 === 0 ? nodeCompressor : undefined)
    ]),
    mend: ([frame], source) => [below(source, 3) === 0 ? deflated(frame!, source) : frame!],
    take: ([bytes]) =>
      decoding(
        () => decodeFrame(bytes!, nodeCompressor),
        ({ kind, optional, body }) => {
          hold(body.remaining <= limits.frameBytesMax, 'a frame was inflated beyond its limit')
          const raw = body.raw(body.remaining)
          if (raw.length >= limits.frameBytesMax) return
          const again = decodeFrame(encodeFrame(kind, optional, raw.slice(), nodeCompressor), nodeCompressor)
          hold(
            again.kind === kind && again.optional === optional && sameBytes(again.body.raw(again.body.remaining), raw),
            'a frame encodes to another'
          )
        }
      )
  })
}

const greetings: Target = {
  name: 'greetings',
  from: "a session's hello and close",
  reaches: ['readHello', 'readClose'],
  open: () => ({
    corpus: [
      [helloMessage(Date.UTC(2026, 0, 1), ['deflate-raw', 'x']).body],
      [helloMessage(-5, []).body],
      [closeBody({ code: 'CLOSED', message: 'the node is shutting down' })],
      [closeBody({ code: 'TRUNK_DRAINED', message: 'ä🌊', retryAfterMs: 3_600_000 })]
    ],
    take([bytes]) {
      const hello = decoding(
        () => readHello(new ByteReader(bytes!)),
        decoded => {
          holdSize(decoded, bytes!.length, 64)
          const again = readHello(new ByteReader(helloMessage(decoded.wallMs, [...decoded.features]).body))
          hold(
            again.wallMs === decoded.wallMs && [...again.features].join() === [...decoded.features].join(),
            'the hello encodes to another'
          )
        }
      )
      const close = decoding(
        () => readClose(new ByteReader(bytes!)),
        decoded => {
          hold(/^[A-Z][A-Z0-9_]{0,63}$/.test(decoded.code), 'a close has a code that is none')
          hold(!/\p{Cc}/u.test(decoded.message), 'a close has a message with control characters')
          const again = readClose(new ByteReader(closeBody(decoded)))
          hold(again.code === decoded.code && again.retryAfterMs === decoded.retryAfterMs, 'the close encodes to another')
        }
      )
      return hello === 'decoded' || close === 'decoded' ? 'decoded' : 'refused'
    }
  })
}

const peer = 'node-b'

/** The table at the fuzzed end: always the same, so that a recorded conversation is valid. */
function ownTable(): RegisterTable {
  return sampleTable(seededRandom(11))
}

/** What a sound peer says in a whole conversation with {@link ownTable}. */
function recorded(random: Random, scenario: number, deflates: boolean): Input {
  const ours = openSide(ownTable(), { peer, deflates })
  const table = scenario % 4 === 0 ? newTable(random.uint32(), nodeId(peer)) : sampleTable(random, nodeId(peer))
  if (scenario % 3 === 1) {
    // It has collected deletes that we have not seen: it will say what it holds.
    const gone = table.writer(`gone~${(1n << 53n).toString(16).padStart(14, '0')}00000002`)
    table.seal({ seqs: new Map([[gone.key, 9]]), closed: new Map([[nodeId('x'), hlcFromMs(0)]]) })
    table.raiseFloor(gone.key, 7)
  }
  const theirs = openSide(table, { peer: ours.space.table.node, deflates })
  theirs.space.members.learn(nodeId('node-m'), 'relay', table.vector(), 0)
  const sent = talk(ours, theirs, 1)
  theirs.session.signal('presence/node-b', random.bytes(30))
  table.set('live/1', below(random, 100))
  table.batch(() => many(6, i => table.set(`live/${i}`, i)))
  theirs.space.commit()
  ours.space.commit()
  sent.push(...talk(ours, theirs, 10_000))
  // A difference that no write explains: the comparison finds it, and both sides compare in full.
  if (scenario % 3 === 2)
    theirs.space.table.merge(
      {
        path: 'stray',
        slot: '',
        value: 1,
        time: 1,
        writer: table.writer(`s~${(1n << 53n).toString(16).padStart(14, '0')}00000003`),
        seq: 1,
        quality: 0,
        expiresAtMs: 0,
        batch: 0
      },
      9
    )
  for (let now = 20_000; now < 80_000; now += 20_000) {
    theirs.session.tick(now)
    ours.session.tick(now)
    sent.push(...talk(ours, theirs, now))
  }
  if (scenario % 2 === 0) {
    theirs.session.close({ code: 'CLOSED', message: 'bye', retryAfterMs: 5 })
    sent.push(...talk(ours, theirs, 90_000))
  }
  hold(
    ours.session.closeReason === undefined || scenario % 2 === 0,
    `a sound conversation closed: ${JSON.stringify(ours.session.closeReason)}`
  )
  return [...sent, documentFrame(random)]
}

function documentFrame(random: Random): Uint8Array {
  const body = new ByteWriter().uint(0).raw(random.bytes(30)).finish()
  return encodeFrame(Kind.Document, false, body, undefined)
}

function openSession(random: Random, deflates: boolean): OpenTarget {
  const corpus = many(12, i => recorded(random, i, deflates))
  return {
    corpus,
    messagesMax: 60,
    generate: source => new HostilePeer(source, ownTable()).conversation(),
    ...(deflates
      ? {
          mend: (input: Input, source: Random) =>
            input.map((frame, i) => (i > 0 && below(source, 3) > 0 ? deflated(frame, source) : frame))
        }
      : {}),
    take: input => takeConversation(input, deflates)
  }
}

function takeConversation(input: Input, deflates: boolean): 'decoded' | 'refused' {
  const table = ownTable()
  const side = openSide(table, { peer, deflates })
  const writersBefore = table.writers.size
  let now = 1
  let refusedOne = false
  let known: string | undefined
  for (const frame of input) {
    const kind = (frame[0] ?? 0) & 0x3f
    const version = table.vectorVersion
    const before = kind === Kind.Seal ? '' : (known ??= vectorOf(table))
    side.session.receive(frame, now++)
    holdClose(side, kind)
    if (table.vectorVersion !== version) known = undefined
    if (kind !== Kind.Seal) hold((known ??= vectorOf(table)) === before, `a frame of kind ${kind} moved the vector`)
    drain(side, now, 64)
    refusedOne = side.session.closed && kind !== Kind.Close
    if (side.session.closed) break
    // Halfway through a keepalive comes.
    if (now === 9) side.session.tick(10_000)
  }
  const last = drain(side, now, 4_000)
  hold(last.length < 4_000, 'it never stops sending')
  hold(
    table.writers.size <= writersBefore + 8 + totalBytes(input) * (deflates ? 64 : 1),
    'it knows more writers than it was told of'
  )
  side.session.close({ code: 'TEST', message: 'over' })
  drain(side, now, 4)
  hold(side.session.poll(now) === undefined, 'a closed session goes on sending')
  holdSound(table)
  holdAlive(table, input)
  return refusedOne ? 'refused' : 'decoded'
}

function holdClose({ session }: Side, kind: number): void {
  const reason = session.closeReason
  if (!reason || kind === Kind.Close) return
  if (!expectedCodes.has(reason.code))
    throw new Broken(`a frame of kind ${kind} closed the session with ${reason.code}: ${reason.message}`)
}

/** What is covered of others: of its own incarnations a table may take new ones at any time. */
function vectorOf(table: RegisterTable): string {
  const { seqs, closed } = table.vector()
  return JSON.stringify([[...seqs].filter(([key]) => !key.startsWith(`${table.node}~`)), [...closed]])
}

/** After whatever came, a write here wins, and a sound peer gets everything. */
function holdAlive(table: RegisterTable, input: Input): void {
  table.advance()
  const { shadowed } = table.set('alive', true)
  hold(shadowed || table.get('alive')?.value === true, 'a write of this replica does not win here')
  // A whole synchronisation is dear: a few inputs of a hundred, chosen by what they are.
  if ((totalBytes(input) + input.length) % 16 !== 0) return
  const other = newTable(5, nodeId('node-z'))
  const ours = openSide(table, { peer: 'node-z', source: 2 })
  const theirs = openSide(other, { peer: table.node })
  talk(ours, theirs, 1)
  for (const { session } of [ours, theirs])
    hold(!session.closed, `a sound session with a fresh peer closed: ${JSON.stringify(session.closeReason)}`)
  hold(hashesEqual(table.hash(), other.hash()), 'a fresh peer does not become equal')
  holdSound(other)
}

const plain: Target = {
  name: 'session',
  from: 'a peer of the mesh: whole conversations',
  reaches: ['Session', 'SpaceLink', 'MemberTable'],
  open: random => openSession(random, false)
}

const compressed: Target = {
  name: 'session-deflated',
  from: 'a peer at the other end of a trunk: whole conversations, deflated',
  reaches: ['Session', 'nodeCompressor'],
  open: random => openSession(random, true)
}

export const sessionTargets: readonly Target[] = [frames, greetings, plain, compressed]
