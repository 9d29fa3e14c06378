/** Handlers that keep what they were told, and promises of it: tests wait for events, never for time. */
import type { CloseReason, Connection, ConnectionHandlers } from '@selvedge/core'

export class Recorder implements ConnectionHandlers {
  readonly frames: Uint8Array[] = []
  readonly closes: CloseReason[] = []
  drains = 0
  bytes = 0
  private waiters: { met: () => boolean; resolve: () => void }[] = []

  static on(connection: Connection): Recorder {
    const recorder = new Recorder()
    connection.attach(recorder)
    return recorder
  }

  frame(frame: Uint8Array): void {
    this.frames.push(frame)
    this.bytes += frame.length
    this.check()
  }

  drain(): void {
    this.drains++
    this.check()
  }

  closed(reason: CloseReason): void {
    this.closes.push(reason)
    this.check()
  }

  /** Resolves once `met` holds; looked at after every event. */
  until(met: () => boolean): Promise<void> {
    return new Promise(resolve => {
      this.waiters.push({ met, resolve })
      this.check()
    })
  }

  async close(): Promise<CloseReason> {
    await this.until(() => this.closes.length > 0)
    return this.closes[0]!
  }

  private check(): void {
    for (const waiter of this.waiters.filter(({ met }) => met())) {
      this.waiters = this.waiters.filter(other => other !== waiter)
      waiter.resolve()
    }
  }
}

/** A frame of `length` bytes (4 or more) that starts with its number; the rest follows from it. */
export function numberedFrame(number: number, length: number): Uint8Array {
  const frame = new Uint8Array(length).fill(number & 255)
  new DataView(frame.buffer).setUint32(0, number)
  return frame
}

/** The number of a frame, checked to be whole. */
export function frameNumber(frame: Uint8Array): number {
  const number = new DataView(frame.buffer, frame.byteOffset, frame.length).getUint32(0)
  for (let i = 4; i < frame.length; i++)
    if (frame[i] !== (number & 255)) throw new Error(`frame ${number} was damaged at byte ${i}`)
  return number
}
