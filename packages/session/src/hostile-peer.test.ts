/** Well-formed messages of a peer that means harm: each of these once did more than close its session. */
import { describe, expect, it } from 'vitest'
import { ByteReader, ByteWriter, hlcToHex, nodeId } from '@selvedge/core'
import { EntryEncoder, readHave, WriterDictionary, writeHave, writeVector, type WriterLog } from '@selvedge/documents'
import { encodeFrame, Kind } from './frames.js'
import { MemberTable } from './members.js'
import { TestWorld, testSpace, type TestReplica } from './testing/harness.js'
import type { Session } from './session.js'

const keyOf = (i: number): string => `mallory~${hlcToHex(0)}${i.toString(16).padStart(8, '0')}`

/** A replica and its session with a peer whose frames the test writes. */
function attacked(): { victim: TestReplica; session: Session; send: (kind: Kind, write: (out: ByteWriter) => void) => void } {
  const world = new TestWorld(1, 2)
  const [victim, peer] = world.replicas as [TestReplica, TestReplica]
  victim.table.set('kept', 1)
  const link = world.connect(victim, peer)
  // The peer's hello; what follows is not its own.
  link.send(1)
  link.deliver(1)
  const [session] = link.sessions
  const send = (kind: Kind, write: (out: ByteWriter) => void): void => {
    const out = new ByteWriter()
    write(out)
    session.receive(encodeFrame(kind, false, out.finish(), undefined), world.now)
  }
  return { victim, session, send }
}

function announce(send: ReturnType<typeof attacked>['send'], haves = 0): void {
  send(Kind.Space, out => out.uint(0).string(testSpace).byte(1).uint(0).uint(0).uint(0).uint(haves))
}

describe('SES-1 hostile messages', () => {
  it('an announcement takes as many runs of dots as a frame holds', () => {
    const { victim, session, send } = attacked()
    announce(send, 3)
    const dictionary = new WriterDictionary()
    const writer = victim.table.writer(keyOf(1))
    for (let part = 0; part < 3; part++) {
      const runs = Array.from({ length: 130_500 }, (_, i) => [part * 250_000 + 2 * i + 1, 1] as const)
      send(Kind.Have, out => writeHave(out.uint(0).byte(part === 2 ? 1 : 0), dictionary, [{ writer, runs }]))
    }
    expect(session.closeReason).toBeUndefined()
  })

  it('a space is announced once', () => {
    const { session, send } = attacked()
    announce(send)
    announce(send)
    expect(session.closeReason?.code).toBe('SESSION_PROTOCOL_VIOLATION')
  })

  it('after an entry with the last seq there is, peers can still be told what is held', () => {
    const { victim, session, send } = attacked()
    announce(send)
    const encoder = new EntryEncoder(new WriterDictionary())
    const writer = victim.table.writer(keyOf(1))
    encoder.add({
      ...{ path: 'p', slot: '', value: 1, time: 0, writer },
      ...{ seq: Number.MAX_SAFE_INTEGER, quality: 0, expiresAtMs: 0, batch: 0 }
    })
    send(Kind.Registers, out => encoder.finish(out.uint(0)))
    expect(session.closeReason).toBeUndefined()
    const out = new ByteWriter()
    writeHave(out, new WriterDictionary(), victim.table.have())
    const read = readHave(new ByteReader(out.finish()), new WriterDictionary(), key => victim.table.writer(key))
    expect(read).toEqual([{ writer, runs: [[Number.MAX_SAFE_INTEGER, 1]] }])
  })

  it('no seal can close all incarnations that a node may ever have', () => {
    const { victim, session, send } = attacked()
    announce(send)
    const closed = new Map([[victim.node, Number.MAX_SAFE_INTEGER]])
    send(Kind.Seal, out =>
      writeVector(out.uint(0).byte(1), new WriterDictionary(), { seqs: new Map(), closed }, key => victim.table.writer(key))
    )
    expect(session.closeReason?.code).toBe('ENTRY_INVALID')
    victim.table.renewIncarnation()
    victim.table.set('alive', 1)
    expect(victim.table.get('alive')?.value).toBe(1)
  })

  it('a close has a code, and a message that forges no line of a log', () => {
    const first = attacked()
    first.send(Kind.Close, out => out.string('not a code').string('m').uint(0))
    expect(first.session.closeReason?.code).toBe('SESSION_FRAME_INVALID')
    const second = attacked()
    second.send(Kind.Close, out => out.string('CLOSED').string('a\n\u001b[2Jb').uint(0))
    expect(second.session.closeReason).toEqual({ code: 'CLOSED', message: 'a  [2Jb' })
  })
})

describe('members', () => {
  it('remember runs of dots and not each dot, and forget those that the vector covers', () => {
    const members = new MemberTable()
    const node = nodeId('mallory')
    const world = new TestWorld(1, 1)
    const writers = Array.from({ length: 20_000 }, (_, i) => world.replicas[0]!.table.writer(keyOf(i)))
    const holds = (writer: WriterLog, seq: number): boolean => [...members.holdersOf(writer, seq)].length > 0
    members.learn(node, 'node', { seqs: new Map(), closed: new Map() }, 0, true)
    members.learnDots(
      node,
      writers.map(writer => ({ writer, runs: [[2, 2 ** 52]] }))
    )
    expect(holds(writers[0]!, 2 ** 40)).toBe(true)
    expect(holds(writers[0]!, 1)).toBe(false)
    expect(holds(writers.at(-1)!, 2)).toBe(false)
    members.learn(
      node,
      'node',
      { seqs: new Map(writers.slice(0, 8_192).map(({ key }) => [key, 2 ** 53 - 2])), closed: new Map() },
      0,
      true
    )
    members.learnDots(node, [
      {
        writer: writers.at(-1)!,
        runs: [
          [5, 1],
          [6, 3]
        ]
      }
    ])
    expect(holds(writers.at(-1)!, 8)).toBe(true)
    expect(holds(writers.at(-1)!, 9)).toBe(false)
  })
})

describe('SES-6 a frame of registers in no order', () => {
  it('is merged in the order of its seqs: each finds its place beside the one before it', () => {
    const { victim, session, send } = attacked()
    announce(send)
    const encoder = new EntryEncoder(new WriterDictionary())
    const writers = [victim.table.writer(keyOf(1)), victim.table.writer(keyOf(2))]
    for (const seq of [5, 1, 4, 2, 3])
      for (const writer of writers)
        encoder.add({
          ...{ path: `p/${writer.key.at(-1)}/${seq}`, slot: '', value: seq, time: seq, writer, seq },
          ...{ quality: 0, expiresAtMs: 0, batch: 0 }
        })
    send(Kind.Registers, out => encoder.finish(out.uint(0)))
    expect(session.closeReason).toBeUndefined()
    expect(victim.table.changedSince(victim.table.changeIndex - 10).map(({ path }) => path)).toEqual(
      [1, 2].flatMap(writer => [1, 2, 3, 4, 5].map(seq => `p/${writer}/${seq}`))
    )
  })
})
