/**
 * Hybrid logical clock (Kulkarni et al., "Logical Physical Clocks", 2014), packed into one safe integer:
 * (milliseconds since 2020-01-01 UTC) × 4096 + counter. A counter that overflows carries into the milliseconds, so ticking never
 * fails; times from 1951 to 2089 can be told. Comparing two times is comparing two numbers.
 */
import { SelvedgeError, coreErrors } from './errors.js'

/** A hybrid time; compare with `<`, convert with {@link hlcToMs}. */
export type HlcTime = number

const epochMs = Date.UTC(2020, 0, 1)
const ticksPerMs = 4096
const hexPattern = /^[0-9a-f]{14}$/

/**
 * The first hybrid time of the millisecond `wallMs`.
 * @throws SelvedgeError `HLC_OVERFLOW` outside of 1951 to 2089
 */
export function hlcFromMs(wallMs: number): HlcTime {
  const time = (Math.floor(wallMs) - epochMs) * ticksPerMs
  if (!Number.isSafeInteger(time))
    throw new SelvedgeError(coreErrors.hlcOverflow, `wall time ${wallMs} ms is outside of 1951 to 2089`, { details: { wallMs } })
  return time
}

/** The wall milliseconds (since 1970) that a hybrid time stands for. */
export function hlcToMs(time: HlcTime): number {
  return Math.floor(time / ticksPerMs) + epochMs
}

/** Whether a number read from outside can be a hybrid time. */
export function isHlcTime(value: number): boolean {
  return Number.isSafeInteger(value)
}

/** 14 lower-case hexadecimal digits that sort as the times do. */
export function hlcToHex(time: HlcTime): string {
  return (BigInt(time) + (1n << 53n)).toString(16).padStart(14, '0')
}

/**
 * The reverse of {@link hlcToHex}.
 * @throws SelvedgeError `CODEC_INVALID` for anything that `hlcToHex` does not make
 */
export function hlcFromHex(hex: string): HlcTime {
  const time = hexPattern.test(hex) ? Number(BigInt(`0x${hex}`) - (1n << 53n)) : Number.NaN
  if (!isHlcTime(time)) throw new SelvedgeError(coreErrors.codecInvalid, 'a hybrid time is not 14 hexadecimal digits in range')
  return time
}

/** The clock itself: strictly rising, never behind `physicalMs` nor behind what it has observed. */
export class Hlc {
  // A field that begins as undefined would box every number put into it.
  private latest: HlcTime = Number.MIN_SAFE_INTEGER

  constructor(
    private readonly physicalMs: () => number,
    latest: HlcTime = Number.MIN_SAFE_INTEGER
  ) {
    this.latest = latest
  }

  /** The latest time given or observed. */
  get last(): HlcTime {
    return this.latest
  }

  /**
   * A time for a new event.
   * @throws SelvedgeError `HLC_OVERFLOW` when the physical time is out of range or the last time is the highest there is
   */
  tick(physicalMs = this.physicalMs()): HlcTime {
    const physical = hlcFromMs(physicalMs)
    const next = physical > this.latest ? physical : this.latest + 1
    if (!Number.isSafeInteger(next)) throw new SelvedgeError(coreErrors.hlcOverflow, 'the hybrid clock has run out')
    this.latest = next
    return next
  }

  /** Follows a time received. The caller has checked that it is not skewed. */
  observe(time: HlcTime): void {
    if (time > this.latest) this.latest = time
  }

  /** Sets the clock back after its wall clock was repaired; the caller takes a new incarnation in the same turn. */
  reset(time: HlcTime): void {
    this.latest = time
  }
}
