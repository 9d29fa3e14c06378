/** What a command that asks a running node has at hand: the node's client, and ways to print. */
import type { ControlClient } from '@selvedge/replica'
import type { Io } from './io.js'
import type { AskOptions } from './options.js'
import { styleFor, type Style } from './output/style.js'
import { list, table, type Column } from './output/table.js'

export interface Asking {
  readonly client: ControlClient
  readonly io: Io
  readonly style: Style
  readonly json: boolean
  /** `site` and `space`, for a query or a body; what was not given is left out. */
  readonly where: { readonly site?: string; readonly space?: string }
  /** Prints `answer` as JSON when that was asked for, else what `shown` makes of it. */
  print<T>(answer: T, shown: (answer: T) => string): Promise<void>
  table<Row>(rows: readonly Row[], columns: readonly Column<Row>[], none: string): string
  list(items: readonly (readonly [string, string])[]): string
}

/** Loaded here and not at the top, so that `--help` need not wait for it. */
export async function ask(io: Io, options: AskOptions): Promise<Asking> {
  const { controlClient } = await import('@selvedge/replica')
  const style = styleFor(io.colours)
  const json = options.json === true
  return {
    client: controlClient(options.data),
    io,
    style,
    json,
    where: {
      ...(options.site === undefined ? {} : { site: options.site }),
      ...(options.space === undefined ? {} : { space: options.space })
    },
    print: (answer, shown) => io.write(json ? `${JSON.stringify(answer, null, 2)}\n` : shown(answer)),
    table: (rows, columns, none) => table(rows, columns, style, none),
    list: items => list(items, style)
  }
}
