/**
 * A peer that knows the protocol and means harm: every message is well-formed, and its content goes to the edges. It claims what it
 * can't have, repeats itself, names what is not its own.
 */
import {
  below,
  ByteWriter,
  hlcFromMs,
  hlcToHex,
  nodeId,
  type HlcTime,
  type NodeId,
  type Random,
  type Value
} from '@selvedge/core'
import {
  addressOf,
  EntryEncoder,
  voidPath,
  writeHave,
  WriterDictionary,
  writeSeqs,
  writeVector,
  type RegisterTable,
  type WriterKey,
  type WriterLog
} from '@selvedge/documents'
import { decoders } from '@selvedge/session'
import type { Input } from '../target.js'
import { many, newTable, samplePaths, sampleValue, wallMs } from './sample-values.js'
import { sessionSpace } from './session-side.js'

const { encodeFrame, helloMessage, Kind } = decoders

const edges = [
  1,
  2,
  3,
  7,
  127,
  128,
  8_192,
  65_536,
  2 ** 31,
  2 ** 32,
  2 ** 40,
  2 ** 52,
  Number.MAX_SAFE_INTEGER - 1,
  Number.MAX_SAFE_INTEGER
]
const times: readonly HlcTime[] = [
  Number.MIN_SAFE_INTEGER,
  -1,
  0,
  hlcFromMs(0),
  hlcFromMs(wallMs - 1),
  hlcFromMs(wallMs),
  hlcFromMs(wallMs) + 4_095,
  hlcFromMs(wallMs + 300_000),
  hlcFromMs(wallMs + 300_001),
  hlcFromMs(wallMs + 365 * 86_400_000),
  Number.MAX_SAFE_INTEGER
]

export class HostilePeer {
  private readonly dictionary = new WriterDictionary()
  private readonly scratch: RegisterTable
  private readonly intern = (key: string): WriterLog => this.scratch.writer(key)

  /** @param victim the table that the messages are meant for: it is not changed */
  constructor(
    private readonly random: Random,
    private readonly victim: RegisterTable
  ) {
    this.scratch = newTable(1, nodeId('node-b'))
  }

  /** Hello, an announcement, and what it likes. */
  conversation(): Input {
    const hello = helloMessage(wallMs + this.pick([0, 1, -1e15, 1e15, 4e15]), ['deflate-raw'])
    const haves = below(this.random, 3)
    return [
      encodeFrame(hello.kind, false, hello.body, undefined),
      this.frame(Kind.Space, out => {
        out.uint(0).string(sessionSpace).byte(1)
        this.vector(out)
        this.seqs(out)
        out.uint(haves)
      }),
      ...many(haves, i => this.have(i === haves - 1)),
      ...many(1 + below(this.random, 12), () => this.message())
    ]
  }

  private message(): Uint8Array {
    switch (below(this.random, 10)) {
      case 0:
      case 1:
      case 2:
        return this.registers()
      case 3:
      case 4:
        return this.frame(Kind.Seal, out => {
          out.uint(0).byte(below(this.random, 4))
          this.vector(out)
          this.seqs(out)
        })
      case 5:
        return this.frame(Kind.Ack, out => {
          out.uint(0).byte(below(this.random, 2))
          this.vector(out)
          writeHave(out, this.dictionary, this.runs())
        })
      case 6:
        return this.frame(Kind.Members, out => {
          out
            .uint(0)
            .string(this.pick(['node-m', 'stranger', this.victim.node, 'node-b']))
            .byte(below(this.random, 3))
          this.vector(out)
        })
      case 7:
        return this.frame(Kind.Compare, out => {
          out.uint(0)
          this.vector(out)
        })
      case 8:
        return this.frame(Kind.Held, out => {
          const names = many(below(this.random, 40), () =>
            addressOf(this.pick(samplePaths), below(this.random, 2) === 0 ? '' : 's')
          )
          out.uint(0).uint(names.length)
          for (const name of names) out.string(name)
        })
      default:
        return below(this.random, 3) === 0
          ? this.have(true)
          : this.frame(below(this.random, 2) === 0 ? Kind.FullCompare : Kind.Compared, out => void out.uint(0).byte(0))
    }
  }

  private frame(kind: (typeof Kind)[keyof typeof Kind], write: (out: ByteWriter) => void): Uint8Array {
    const out = new ByteWriter()
    write(out)
    return encodeFrame(kind, false, out.finish(), undefined)
  }

  private have(last: boolean): Uint8Array {
    return this.frame(Kind.Have, out => {
      out.uint(0).byte(last ? 1 : 0)
      writeHave(out, this.dictionary, this.runs())
    })
  }

  private runs(): { writer: WriterLog; runs: [number, number][] }[] {
    // Now and then as much as a frame holds.
    const much = below(this.random, 60) === 0
    return many(much ? 1 + below(this.random, 2) * 2_000 : below(this.random, 4), i => {
      let at = 1
      const runs: [number, number][] = []
      for (let left = much ? 30 : below(this.random, 6); left > 0; left--) {
        const count = this.pick(edges)
        if (!Number.isSafeInteger(at + count + 3)) break
        runs.push([at, count])
        at += count + 1 + below(this.random, 2)
      }
      return { writer: much ? this.writerNumbered(i) : this.writer(), runs }
    })
  }

  private vector(out: ByteWriter): void {
    const closed = new Map<NodeId, HlcTime>(
      many(
        below(this.random, 8) === 0 ? 1 + below(this.random, 2) : 0,
        () => [this.pick([this.victim.node, nodeId('node-b'), nodeId('node-c'), nodeId('x')]), this.pick(times)] as const
      )
    )
    writeVector(out, this.dictionary, { seqs: this.someSeqs(), closed }, this.intern)
  }

  private seqs(out: ByteWriter): void {
    writeSeqs(out, this.dictionary, below(this.random, 4) === 0 ? this.someSeqs() : new Map<WriterKey, number>(), this.intern)
  }

  private someSeqs(): Map<WriterKey, number> {
    return new Map(many(below(this.random, 5), () => [this.writer().key, this.pick(edges)] as const))
  }

  /** Writers of the victim's table, its own too, and new ones. */
  private writer(): WriterLog {
    const known = [...this.victim.writers.keys()]
    return below(this.random, 3) > 0 && known.length > 0
      ? this.intern(this.pick(known))
      : this.writerNumbered(below(this.random, 6))
  }

  private writerNumbered(i: number): WriterLog {
    return this.intern(
      `${this.pick(['node-b', 'node-c', this.victim.node, '_'])}~${hlcToHex(this.pick(times.slice(1, -1)))}${i.toString(16).padStart(8, '0')}`
    )
  }

  private registers(): Uint8Array {
    const encoder = new EntryEncoder(this.dictionary)
    const count = below(this.random, 50) === 0 ? 600 : 1 + below(this.random, 12)
    for (let i = 0; i < count; i++) {
      const [path, value] = this.register()
      const seq = this.pick(edges)
      encoder.add({
        path,
        slot: below(this.random, 3) === 0 ? this.pick(['s', 'level', `i:${this.victim.node}`, '16', 'a'.repeat(128)]) : '',
        value: below(this.random, 6) === 0 ? undefined : value,
        time: this.pick(times),
        writer: this.writer(),
        seq,
        quality: below(this.random, 4) === 0 ? below(this.random, 256) : 0,
        expiresAtMs: below(this.random, 4) === 0 ? wallMs + this.pick([-1e12, -1, 1, 1e12, -wallMs + 1]) : 0,
        batch: below(this.random, 5) === 0 ? 1 + below(this.random, Math.min(seq, 5)) : 0,
        shadow: below(this.random, 8) === 0
      })
    }
    return this.frame(Kind.Registers, out => {
      out.uint(0)
      encoder.finish(out)
    })
  }

  private register(): [path: string, value: Value] {
    if (below(this.random, 4) > 0) return [this.pick(samplePaths), sampleValue(this.random)]
    const named = {
      path: this.pick([...samplePaths, 'a//b', '', 'x'.repeat(600)]),
      slot: this.pick(['', 's', '\u0001', 'y'.repeat(200)]),
      time: this.pick(times),
      node: this.victim.node
    }
    const beneath = {
      value: this.random.bytes(below(this.random, 6)),
      time: this.pick(times),
      writer: this.writer().key,
      seq: this.pick(edges),
      quality: below(this.random, 300),
      expiresAtMs: this.pick(edges)
    }
    return [voidPath, below(this.random, 2) === 0 ? named : { ...named, beneath }]
  }

  private pick<T>(list: readonly T[]): T {
    return list[below(this.random, list.length)]!
  }
}
