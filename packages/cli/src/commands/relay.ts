/** `relay`: runs a relay until it is told to stop. */
import { resolve } from 'node:path'
import { InvalidArgumentError, Option, type Command } from 'commander'
import type { LogLevel, RelayOptions } from '@selvedge/relay'
import type { Io } from '../io.js'
import { loadPoints, missing, readPem } from '../node-settings.js'
import { dataOption, examples, repeated } from '../options.js'
import { styleFor } from '../output/style.js'
import { list } from '../output/table.js'
import { runUntilStopped } from '../running.js'

interface RelayFlags {
  readonly data: string
  readonly rosters: string
  readonly host?: string
  readonly port?: number
  readonly tlsCert?: string
  readonly tlsKey?: string
  readonly adminHost?: string
  readonly adminPort?: number
  readonly points?: string
  readonly space?: readonly string[]
  readonly logLevel: LogLevel
  readonly json?: boolean
}

export function relayCommand(program: Command, io: Io): void {
  const relay = program
    .command('relay')
    .description('run a relay, until it is told to stop')
    .addOption(dataOption())
    .requiredOption('--rosters <file>', 'who may connect: a JSON list of rosters, or one roster')
    .option('--host <address>', 'where to listen (default: 127.0.0.1, as behind a reverse proxy)')
    .option('--port <port>', 'and on which port; 0: any free one (default: 7800)', parsePort)
    .option('--tls-cert <file>', 'PEM of the certificate, to serve wss itself')
    .option('--tls-key <file>', 'PEM of its private key')
    .option('--admin-host <address>', 'serve /healthz, /readyz and /metrics there, and not beside the trunks')
    .option('--admin-port <port>', 'and on this port', parsePort)
    .option('--points <file>', "definitions of every site's points as JSON")
    .option('--space <name>', 'a space to keep for each site; may be repeated (default: state and config)', repeated)
    .addOption(
      new Option('--log-level <level>', 'from which level on to log').choices(['debug', 'info', 'warn', 'error']).default('info')
    )
    .option('--json', 'print events as JSON lines')
    .action((flags: RelayFlags) => runRelay(io, flags))
  examples(
    relay,
    'selvedge relay --rosters rosters.json --data ./relay',
    'selvedge relay --rosters rosters.json --host 0.0.0.0 --port 443 --tls-cert relay.pem --tls-key relay.key'
  )
  relay.addHelpText(
    'after',
    `
Rosters: [{ "site": "hq", "nodes": [{ "name": "hq-1", "node": "12D3KooW…" }], "relay": { "name": "relay", "node": "12D3KooW…" } }]
"selvedge key --data DIR" makes the relay's id, which the rosters of its sites name. SIGHUP reads the rosters anew.
Logs go to standard error. SIGINT and SIGTERM take leave of the sites, store everything and end; a second one ends at once.`
  )
}

async function runRelay(io: Io, flags: RelayFlags): Promise<void> {
  const json = flags.json === true
  const options = await relayOptions(flags)
  const { openRelay } = await import('@selvedge/relay')
  const relay = await openRelay(options)
  const { node, url, adminUrl } = relay
  if (json) await io.write(`${JSON.stringify({ event: 'running', node, url, adminUrl, dataDir: resolve(flags.data) })}\n`)
  else {
    const facts: [string, string][] = [
      ['id', node],
      ['trunks', url ?? ''],
      ['pages', adminUrl ?? ''],
      ['sites', String(relay.sites().length)],
      ['data', resolve(flags.data)]
    ]
    await io.write(`the relay is running; "selvedge status --data ${flags.data}" asks it\n${list(facts, styleFor(io.colours))}`)
  }
  await runUntilStopped(io, relay, json, () => {
    try {
      relay.reloadRosters()
    } catch (error) {
      io.warn(`selvedge: the rosters stay as they are: ${error instanceof Error ? error.message : String(error)}\n`)
    }
  })
}

async function relayOptions(flags: RelayFlags): Promise<RelayOptions> {
  const { tlsCert, tlsKey, adminHost, adminPort, points, space } = flags
  if (tlsCert !== undefined && tlsKey === undefined)
    throw missing('--tls-key', undefined, 'a certificate is of no use without its key')
  if (tlsKey !== undefined && tlsCert === undefined)
    throw missing('--tls-cert', undefined, 'a key is of no use without its certificate')
  const admin = door(adminHost, adminPort)
  return {
    dataDir: flags.data,
    rosters: flags.rosters,
    logLevel: flags.logLevel,
    listen: door(flags.host, flags.port) ?? {},
    ...(admin ? { admin } : {}),
    ...(tlsCert !== undefined && tlsKey !== undefined ? { tls: { cert: readPem(tlsCert), key: readPem(tlsKey) } } : {}),
    ...(points === undefined ? {} : { points: await loadPoints(points) }),
    ...(space === undefined ? {} : { spaces: space })
  }
}

function door(host: string | undefined, port: number | undefined): { host?: string; port?: number } | undefined {
  if (host === undefined && port === undefined) return undefined
  return { ...(host === undefined ? {} : { host }), ...(port === undefined ? {} : { port }) }
}

function parsePort(text: string): number {
  const port = Number(text)
  if (!/^\d{1,5}$/.test(text) || port > 65_535) throw new InvalidArgumentError('Use a port from 0 to 65535.')
  return port
}
