/** A hash over every event of a run, in order: two runs of one seed are equal, or something in them is not simulated. */

export class Trace {
  private a = 0x811c9dc5 | 0
  private b = 0x9e3779b9 | 0
  private count = 0

  /** How many events it has seen. */
  get events(): number {
    return this.count
  }

  note(atMs: number, actor: string, label: string): void {
    this.count++
    this.mix(Math.floor(atMs * 1_000))
    this.text(actor)
    this.text(label)
  }

  bytes(bytes: Uint8Array): void {
    this.mix(bytes.length)
    for (const byte of bytes) this.mix(byte)
  }

  /** 16 hexadecimal digits. */
  get hash(): string {
    return [this.a, this.b].map(half => (half >>> 0).toString(16).padStart(8, '0')).join('')
  }

  private text(text: string): void {
    this.mix(text.length)
    for (let i = 0; i < text.length; i++) this.mix(text.charCodeAt(i))
  }

  private mix(value: number): void {
    const low = value | 0
    const high = Math.floor(value / 0x1_0000_0000) | 0
    this.a = Math.imul(this.a ^ low ^ Math.imul(high, 0x85ebca6b), 0x01000193)
    this.b = Math.imul(this.b ^ (low >>> 15) ^ low, 0xc2b2ae35) ^ (this.a >>> 13)
  }
}
