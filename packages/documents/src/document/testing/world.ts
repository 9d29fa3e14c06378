/**
 * A few replicas of one space in one process: their registers, disks and channels. Nothing moves by itself: `settle` delivers messages
 * and register changes one by one, in an order drawn from the seed, until nothing is left to do.
 */
import { ManualClock, below, seededRandom, silentLogger, spaceId, systemClock } from '@selvedge/core'
import type { Logger, Random, SelvedgeError, StoreLoss } from '@selvedge/core'
import type { DocumentChannel } from '../channel.js'
import type { DocumentLimits } from '../document-limits.js'
import { DocumentSet } from '../document-set.js'
import { FakeRegisters } from './fake-registers.js'
import { FakeDisk, FakeStore } from './fake-store.js'

const space = spaceId('hq/state')

export class TestNode {
  disk = new FakeDisk()
  store!: FakeStore
  registers!: FakeRegisters
  documents!: DocumentSet
  degraded = false
  private boots = 0

  constructor(
    readonly name: string,
    readonly world: World,
    private readonly limits: Partial<DocumentLimits> = {},
    private readonly log: Logger = silentLogger
  ) {}

  async start(loss?: StoreLoss): Promise<this> {
    const { clock, random } = this.world
    const boot = ++this.boots
    this.registers = new FakeRegisters(`${this.name}.${boot}`, clock, this.registers)
    this.store = new FakeStore(space, this.disk, clock, loss)
    this.store.stored = () => this.registers.persist()
    this.documents = new DocumentSet({
      space,
      store: this.store,
      registers: this.registers,
      clock,
      random: random.fork(`${this.name}.${boot}`),
      log: this.log,
      author: this.name,
      role: roleOf(this.name),
      degraded: () => this.degraded,
      limits: this.limits
    })
    await this.world.while(this.documents.load())
    return this
  }

  /** The process dies: what was not on disk is lost, and so are its channels. */
  crash(): void {
    this.store.crash()
    for (const link of [...this.world.links]) if (link.ends.some(end => end.node === this)) link.cut()
  }

  async restart(loss?: StoreLoss): Promise<this> {
    this.crash()
    return this.start(loss)
  }
}

function roleOf(name: string): 'node' | 'relay' {
  return name.startsWith('relay') ? 'relay' : 'node'
}

interface End {
  node: TestNode
  channel: DocumentChannel
  inbox: Uint8Array[]
}

export class Link {
  readonly ends: [End, End]
  readonly faults: SelvedgeError[] = []
  messages = 0
  bytes = 0
  private open = true

  constructor(
    private readonly world: World,
    a: TestNode,
    b: TestNode
  ) {
    this.ends = [this.end(a, b), this.end(b, a)]
    world.links.add(this)
  }

  /** Moves one message from a channel to the wire, or from the wire to the other channel. */
  step(random: Random): boolean {
    const moves: (() => void)[] = []
    for (const [from, to] of [this.ends, [this.ends[1], this.ends[0]] as const]) {
      if (from.channel.pending) moves.push(() => this.take(from, to))
      if (to.inbox.length > 0) moves.push(() => this.deliver(to))
    }
    if (!this.open || moves.length === 0) return false
    moves[below(random, moves.length)]!()
    return true
  }

  /** The connection drops: what is on the wire is lost. */
  cut(): void {
    if (!this.open) return
    this.open = false
    this.world.links.delete(this)
    for (const end of this.ends) end.channel.close()
  }

  private take(from: End, to: End): void {
    const message = from.channel.next()
    if (!message) return
    this.messages++
    this.bytes += message.length
    this.world.longest = Math.max(this.world.longest, message.length)
    to.inbox.push(message)
  }

  private deliver(to: End): void {
    try {
      to.channel.receive(to.inbox.shift()!)
    } catch (error) {
      this.faults.push(error as SelvedgeError)
      this.cut()
    }
  }

  private end(node: TestNode, other: TestNode): End {
    const channel = node.documents.channel({
      label: other.name,
      role: roleOf(other.name),
      onPending: () => undefined,
      onFault: error => {
        this.faults.push(error)
        this.cut()
      }
    })
    return { node, channel, inbox: [] }
  }
}

export class World {
  readonly clock = new ManualClock()
  readonly random: Random
  readonly links = new Set<Link>()
  readonly nodes: TestNode[] = []
  longest = 0

  constructor(seed = 1) {
    this.random = seededRandom(seed)
  }

  async node(name: string, limits: Partial<DocumentLimits> = {}): Promise<TestNode> {
    const node = new TestNode(name, this, limits)
    this.nodes.push(node)
    return node.start()
  }

  link(a: TestNode, b: TestNode): Link {
    return new Link(this, a, b)
  }

  /** One turn of the event loop: promises settle and due timers run. */
  async turn(byMs = 0): Promise<void> {
    await new Promise<void>(resolve => systemClock.soon(resolve))
    this.clock.advance(byMs)
  }

  /** Turns until `promise` settles. */
  async while<Result>(promise: Promise<Result>): Promise<Result> {
    const state = { settled: false }
    const done = (): void => void (state.settled = true)
    promise.then(done, done)
    for (let i = 0; i < 10_000; i++) {
      if (state.settled) return promise
      await this.turn()
    }
    throw new Error('a promise never settles')
  }

  /** Turns, without delivering anything. */
  async turns(count = 6): Promise<void> {
    for (let i = 0; i < count; i++) await this.turn(i % 3 === 2 ? 100 : 0)
  }

  /** Up to `steps` deliveries. Returns how many there were. */
  async run(steps: number): Promise<number> {
    let delivered = 0
    for (let quiet = 0; delivered < steps && quiet < 8;) {
      if (this.deliverOne()) {
        delivered++
        quiet = 0
        if (below(this.random, 4) > 0) continue
      } else quiet++
      // When nothing moves, what waits for a short while gets its turn.
      await this.turn(quiet > 1 ? 100 : 0)
    }
    return delivered
  }

  /** Delivers everything. Fails when it does not come to an end. */
  async settle(max = 20_000): Promise<number> {
    const delivered = await this.run(max)
    if (delivered >= max) throw new Error(`not settled after ${max} deliveries`)
    return delivered
  }

  private deliverOne(): boolean {
    const moves = [...this.links].flatMap(link => [
      () => link.step(this.random),
      () => link.ends[0].node.registers.merge(link.ends[1].node.registers),
      () => link.ends[1].node.registers.merge(link.ends[0].node.registers)
    ])
    while (moves.length > 0) if (moves.splice(below(this.random, moves.length), 1)[0]!()) return true
    return false
  }
}
