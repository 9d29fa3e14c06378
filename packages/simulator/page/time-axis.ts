/** Simulated time against pixels, and how it is written. */

export class TimeAxis {
  constructor(
    public fromMs: number,
    public toMs: number,
    private readonly wholeMs: number,
    /** Where the lanes begin and end. */
    public left = 0,
    public right = 1
  ) {}

  x(atMs: number): number {
    return this.left + ((atMs - this.fromMs) / (this.toMs - this.fromMs)) * (this.right - this.left)
  }

  at(x: number): number {
    return this.fromMs + ((x - this.left) / (this.right - this.left)) * (this.toMs - this.fromMs)
  }

  zoom(aroundX: number, factor: number): void {
    const around = this.at(aroundX)
    const length = Math.min(this.wholeMs, Math.max(1, (this.toMs - this.fromMs) * factor))
    const share = (around - this.fromMs) / (this.toMs - this.fromMs)
    this.show(around - share * length, around - share * length + length)
  }

  pan(byPixels: number): void {
    const byMs = (byPixels / (this.right - this.left)) * (this.toMs - this.fromMs)
    this.show(this.fromMs + byMs, this.toMs + byMs)
  }

  /** Moves to a stretch, kept within the run. */
  show(fromMs: number, toMs: number): void {
    const length = Math.min(toMs - fromMs, this.wholeMs)
    this.fromMs = Math.min(Math.max(0, fromMs), this.wholeMs - length)
    this.toMs = this.fromMs + length
  }

  fit(): void {
    this.fromMs = 0
    this.toMs = this.wholeMs
  }

  /** Marks at round times, about one each 110 pixels. */
  marks(): { readonly atMs: number; readonly text: string }[] {
    const length = this.toMs - this.fromMs
    const wanted = (length * 110) / Math.max(110, this.right - this.left)
    const step = steps.find(each => each >= wanted) ?? Math.ceil(wanted / day) * day
    const marks = []
    for (let at = Math.ceil(this.fromMs / step) * step; at <= this.toMs; at += step)
      marks.push({ atMs: at, text: clock(at, step) })
    return marks
  }
}

const second = 1_000
const minute = 60 * second
const hour = 60 * minute
const day = 24 * hour
const steps = [
  1,
  2,
  5,
  10,
  20,
  50,
  100,
  200,
  500,
  ...[1, 2, 5, 10, 20, 30].map(count => count * second),
  ...[1, 2, 5, 10, 20, 30].map(count => count * minute),
  ...[1, 2, 3, 6, 12].map(count => count * hour),
  ...[1, 2, 5, 10, 20, 50, 100].map(count => count * day)
]

/** As `2 d 03:04:05.678`, as fine as `stepMs` asks for. */
export function clock(atMs: number, stepMs = 1): string {
  const days = Math.floor(atMs / day)
  const two = (value: number): string => String(Math.floor(value)).padStart(2, '0')
  const parts = [two((atMs % day) / hour), two((atMs % hour) / minute)]
  if (stepMs < minute) parts.push(two((atMs % minute) / second))
  const text = parts.join(':')
  const fine = stepMs < second ? `.${String(Math.floor(atMs % second)).padStart(3, '0')}` : ''
  return `${days > 0 ? `${days} d ` : ''}${text}${fine}`
}

export function duration(ms: number): string {
  const size = Math.abs(ms)
  const shown = (value: number, unit: string): string => `${Number(value.toFixed(value < 10 ? 1 : 0))} ${unit}`
  if (size >= day) return shown(ms / day, 'd')
  if (size >= hour) return shown(ms / hour, 'h')
  if (size >= minute) return shown(ms / minute, 'min')
  if (size >= second) return shown(ms / second, 's')
  return shown(ms, 'ms')
}
