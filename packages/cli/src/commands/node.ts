/** `node`: runs a node of a site until it is told to stop. */
import { resolve } from 'node:path'
import type { Command } from 'commander'
import type { Io } from '../io.js'
import { nodeSettings, type NodeFlags } from '../node-settings.js'
import { dataOption, defaultDataDir, examples, parseDuration, repeated } from '../options.js'
import { styleFor } from '../output/style.js'
import { list } from '../output/table.js'
import { runUntilStopped } from '../running.js'

export function nodeCommand(program: Command, io: Io): void {
  const node = program
    .command('node')
    .description('run a node of a site, until it is told to stop')
    .option('-c, --config <file>', 'settings as JSON; a flag goes before what the file says')
    .addOption(dataOption())
    .option('--site <id>', 'the site, as in its roster')
    .option('--roster <file>', 'who belongs to the site')
    .option('--points <file>', 'definitions of points as JSON; without them any path and value is taken')
    .option('--listen <multiaddr>', 'where to listen for other nodes; may be repeated (default: any free port)', repeated)
    .option('--peer <multiaddr>', 'a node to keep connected to; may be repeated', repeated)
    .option('--no-mdns', 'do not look for nodes on the local network')
    .option('--no-mesh', 'no other nodes at all')
    .option('--relay <url>', 'the relay: wss://relay.example/trunk')
    .option('--proxy <url>', 'HTTP proxy on the way to the relay')
    .option('--ca <file>', "PEM of the private authority that signed the relay's certificate")
    .option('--boot-alone-after <duration>', 'ready without any peer after this time (default: never)', parseDuration)
    .option('--json', 'print events as JSON lines')
    .action((flags: NodeFlags & { json?: boolean }, command: Command) => {
      // A default must not win over the file: only what was said does.
      const said = command.getOptionValueSource('data') === 'default' ? { ...flags, data: undefined } : flags
      return runNode(io, withoutUndefined(said), flags.json === true)
    })
  examples(
    node,
    'selvedge node --site hq --roster roster.json --data ./data',
    'selvedge node --config /etc/selvedge/hq-1.json',
    'selvedge node --site hq --roster roster.json --listen /ip4/0.0.0.0/tcp/4001 --relay wss://relay.example/trunk'
  )
  node.addHelpText(
    'after',
    `
A settings file (paths are relative to it):
  { "site": "hq", "dataDir": "./data", "roster": "./roster.json", "points": "./points.json",
    "mesh": { "listen": ["/ip4/0.0.0.0/tcp/4001"], "peers": [], "mdns": true },
    "trunk": { "url": "wss://relay.example/trunk" },
    "spaces": { "state": { "residency": "trunk" }, "config": { "residency": "trunk" }, "local": { "residency": "site" } },
    "bootAloneAfterMs": 30000 }

The first start makes the node's key. "selvedge key" makes it before, so that the roster can name the node.
Logs go to standard error. SIGINT and SIGTERM store everything and end; a second one ends at once.`
  )
}

async function runNode(io: Io, flags: NodeFlags, json: boolean): Promise<void> {
  const settings = await nodeSettings(flags)
  const { openSite } = await import('@selvedge/site')
  const site = await openSite(settings)
  const { id, node, name, addresses } = site
  const directory = settings.dataDir === 'memory' ? 'memory' : resolve(settings.dataDir)
  if (json) await io.write(`${JSON.stringify({ event: 'running', site: id, node, name, addresses, dataDir: directory })}\n`)
  else {
    const facts: [string, string][] = [
      ['id', node],
      ['addresses', addresses.join('\n           ')],
      ['trunk', settings.trunk ? settings.trunk.url.replace(/\/\/[^@/]*@/, '//') : 'none'],
      ['data', directory]
    ]
    const ask = settings.dataDir === defaultDataDir ? 'selvedge status' : `selvedge status --data ${settings.dataDir}`
    await io.write(`node ${name} of ${id} is running; "${ask}" asks it\n${list(facts, styleFor(io.colours))}`)
  }
  await runUntilStopped(io, site, json)
}

function withoutUndefined(flags: { [Name in keyof NodeFlags]: NodeFlags[Name] | undefined }): NodeFlags {
  return Object.fromEntries(Object.entries(flags).filter(([, value]) => value !== undefined))
}
