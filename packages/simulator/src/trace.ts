/** A hash over every event of a run, in order: two runs of one seed are equal, or something in them is not simulated. */

/** Texts whose digest is remembered: actors and labels are few, and said in each event. */
const textsMax = 4_096

export class Trace {
  private a = 0x811c9dc5 | 0
  private b = 0x9e3779b9 | 0
  private count = 0
  private readonly texts = new Map<string, number>()

  /** How many events it has seen. */
  get events(): number {
    return this.count
  }

  note(atMs: number, actor: string, label: string): void {
    this.count++
    const micros = Math.floor(atMs * 1_000)
    this.mix(micros | 0)
    this.mix(Math.floor(micros / 0x1_0000_0000) | 0)
    this.mix(this.digest(actor))
    this.mix(this.digest(label))
  }

  bytes(bytes: Uint8Array): void {
    const { length } = bytes
    this.mix(length)
    let i = 0
    for (; i + 3 < length; i += 4) this.mix(bytes[i]! | (bytes[i + 1]! << 8) | (bytes[i + 2]! << 16) | (bytes[i + 3]! << 24))
    for (; i < length; i++) this.mix(bytes[i]!)
  }

  /** 16 hexadecimal digits. */
  get hash(): string {
    return [this.a, this.b].map(half => (half >>> 0).toString(16).padStart(8, '0')).join('')
  }

  private digest(text: string): number {
    const known = this.texts.get(text)
    if (known !== undefined) return known
    let digest = 0x811c9dc5 ^ text.length
    for (let i = 0; i < text.length; i++) digest = Math.imul(digest ^ text.charCodeAt(i), 0x01000193)
    if (this.texts.size >= textsMax) this.texts.clear()
    this.texts.set(text, digest)
    return digest
  }

  /** @param word 32 bits */
  private mix(word: number): void {
    this.a = Math.imul(this.a ^ word, 0x01000193)
    this.b = Math.imul(this.b ^ (word >>> 15) ^ word, 0xc2b2ae35) ^ (this.a >>> 13)
  }
}
