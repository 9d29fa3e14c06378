/**
 * The hash of a table, kept up to date as registers come and go (I7). A register that changed takes its contribution out at once
 * and is queued; asking for the hash adds what the queue holds. So a register overwritten a thousand times between two questions
 * is hashed once.
 *
 * While a hash is frozen, the first change of an address since then notes what the address contributed at that instant.
 */
import { addressOf, type Register } from './register.js'
import { hashRegister, type TableHash } from './register-hash.js'

/** The hash of one instant (see `RegisterTable.freezeHash`). */
export interface FrozenHash {
  readonly hash: TableHash
  /** What the hash of that instant would have been without some addresses. */
  without(addresses: Iterable<string>): TableHash
  /** Ends the freeze; `without` still answers in the same turn. */
  release(): void
}

interface Part {
  readonly a: number
  readonly b: number
}

/** Contributions, at the instant of the freeze, of addresses changed since; undefined: it had none. */
type Freeze = Map<string, Part | undefined>

export class IncrementalHash {
  private a = 0
  private b = 0
  private count = 0
  private readonly queue: Register[] = []
  private readonly freezes = new Set<Freeze>()

  /**
   * @param stands whether a register counts at all, and stands for its address
   * @param holder the register or shadow that would stand for an address
   */
  constructor(
    private readonly stands: (register: Register) => boolean,
    private readonly holder: (address: string) => Register | undefined
  ) {}

  /** Takes a register's contribution out, before it changes or leaves. */
  remove(register: Register): void {
    if (!register.hashed) return
    register.hashed = false
    if (this.freezes.size > 0) this.note(register, { a: register.hashA, b: register.hashB })
    this.a = (this.a - register.hashA) >>> 0
    this.b = (this.b - register.hashB) >>> 0
    this.count--
  }

  /** The register may contribute from now on. */
  add(register: Register): void {
    if (register.hashQueued) return
    register.hashQueued = true
    this.queue.push(register)
  }

  current(): TableHash {
    for (const register of this.queue) {
      register.hashQueued = false
      if (register.hashed || !this.stands(register)) continue
      hashRegister(register)
      register.hashed = true
      if (this.freezes.size > 0) this.note(register, undefined)
      this.a = (this.a + register.hashA) >>> 0
      this.b = (this.b + register.hashB) >>> 0
      this.count++
    }
    this.queue.length = 0
    return { a: this.a, b: this.b, count: this.count }
  }

  without(addresses: Iterable<string>): TableHash {
    return subtract(this.current(), addresses, address => this.part(address))
  }

  freeze(): FrozenHash {
    const hash = this.current()
    const freeze: Freeze = new Map()
    this.freezes.add(freeze)
    return {
      hash,
      without: addresses =>
        subtract(hash, addresses, address => (freeze.has(address) ? freeze.get(address) : this.part(address))),
      release: () => void this.freezes.delete(freeze)
    }
  }

  private part(address: string): Part | undefined {
    const register = this.holder(address)
    return register?.hashed ? { a: register.hashA, b: register.hashB } : undefined
  }

  private note(register: Register, part: Part | undefined): void {
    const address = addressOf(register.path, register.slot)
    for (const freeze of this.freezes) if (!freeze.has(address)) freeze.set(address, part)
  }
}

function subtract(hash: TableHash, addresses: Iterable<string>, partOf: (address: string) => Part | undefined): TableHash {
  let { a, b, count } = hash
  for (const address of new Set(addresses)) {
    const part = partOf(address)
    if (!part) continue
    a = (a - part.a) >>> 0
    b = (b - part.b) >>> 0
    count--
  }
  return { a, b, count }
}
