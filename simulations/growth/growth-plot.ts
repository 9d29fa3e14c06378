/** What a replica holds and stores, over time, beside what was written: a judgement, and a drawing as SVG. */
import { writeFileSync } from 'node:fs'

interface Sample {
  readonly atMs: number
  readonly writes: number
  readonly registers: number
  readonly bytes: number
}

/** Medians of the halves of a run may differ by this factor: a log is rewritten at twice its live size. What grows with the writes differs by three. */
const halvesFactor = 1.8
/** A log up to about this size is left alone, and so is what is held of reports and conflicts: only what grows beyond is judged. */
const slack = { registers: 200, bytes: 1_024 * 1_024 } as const
const [width, height, margin] = [720, 320, 48]
const dayMs = 86_400_000

export class GrowthPlot {
  private readonly samples = new Map<string, Sample[]>()

  note(node: string, atMs: number, writes: number, registers: number, bytes: number): void {
    const list = this.samples.get(node) ?? []
    this.samples.set(node, list)
    list.push({ atMs, writes, registers, bytes })
  }

  /** True, or a sentence of what grew. */
  judge(): boolean | string {
    if (this.samples.size === 0) return 'nothing was noted'
    for (const [node, list] of this.samples) {
      const [first, second] = [list.slice(0, list.length / 2), list.slice(list.length / 2)]
      for (const what of ['registers', 'bytes'] as const) {
        const [before, after] = [median(first, what), median(second, what)]
        if (after > Math.max(halvesFactor * before, slack[what]))
          return `${node} had ${before} ${what} in the first half, and ${after} in the second`
      }
    }
    return true
  }

  /** Writes the drawing, if a path is given. */
  save(path: string | undefined): void {
    if (path) writeFileSync(path, this.drawing())
  }

  private drawing(): string {
    const [node, list] = [...this.samples][0]!
    const lines = [
      line(list, ({ writes }) => writes, '#9aa0a6', 'writes so far'),
      line(list, ({ registers }) => registers, '#1a73e8', 'registers and tombstones held'),
      line(list, ({ bytes }) => bytes / 1_024, '#e8710a', 'KiB stored')
    ]
    const legend = lines.map(
      ({ colour, label, top }, i) =>
        `<text x="${margin + 12}" y="${margin + 16 + 18 * i}" fill="${colour}">${label} (${Math.ceil(top).toLocaleString('en')} at most)</text>`
    )
    const days = Math.round(list.at(-1)!.atMs / dayMs)
    return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" font-family="sans-serif" font-size="13">
<rect width="${width}" height="${height}" fill="#fff"/>
<text x="${margin}" y="24" font-size="16">A year of overwrites: ${node}</text>
<path d="M${margin} ${margin}V${height - margin}H${width - margin}" fill="none" stroke="#444"/>
<text x="${margin}" y="${height - 20}">day 0</text><text x="${width - margin}" y="${height - 20}" text-anchor="end">day ${days}</text>
${lines.map(({ path, colour }) => `<path d="${path}" fill="none" stroke="${colour}" stroke-width="2"/>`).join('\n')}
${legend.join('\n')}
</svg>
`
  }
}

function median(list: readonly Sample[], what: 'registers' | 'bytes'): number {
  return list.map(sample => sample[what]).sort((a, b) => a - b)[list.length >> 1] ?? 0
}

/** Each line has a scale of its own: what matters is which of them rise. */
function line(list: readonly Sample[], of: (sample: Sample) => number, colour: string, label: string) {
  const top = Math.max(1, ...list.map(of))
  const endMs = list.at(-1)!.atMs
  const points = list.map(sample => {
    const x = margin + (sample.atMs / endMs) * (width - 2 * margin)
    const y = height - margin - (of(sample) / top) * (height - 2 * margin)
    return `${x.toFixed(1)} ${y.toFixed(1)}`
  })
  return { path: `M${points.join('L')}`, colour, label, top }
}
