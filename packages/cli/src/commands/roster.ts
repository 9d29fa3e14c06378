/** `key` and `roster`: what is needed before a node starts for the first time. */
import { join } from 'node:path'
import type { Command } from 'commander'
import type { Io } from '../io.js'
import { readJsonFile, writeJsonFile } from '../json-file.js'
import { dataOption, examples } from '../options.js'
import { styleFor } from '../output/style.js'
import { table } from '../output/table.js'

export function rosterCommands(program: Command, io: Io): void {
  const key = program
    .command('key')
    .description("print the id of a data directory's key; makes the key if there is none")
    .addOption(dataOption())
    .option('--json', 'print it as JSON')
    .action(async ({ data, json }: { data: string; json?: boolean }) => {
      const { loadNodeKey } = await import('@selvedge/network')
      const file = join(data, 'node.key')
      const loaded = loadNodeKey(file)
      if (loaded.exposed) io.warn(`selvedge: ${file} can be read by others: chmod 600 it\n`)
      await io.write(json ? `${JSON.stringify({ node: loaded.key.node, created: loaded.created })}\n` : `${loaded.key.node}\n`)
    })
  examples(key, 'selvedge key --data ./data')

  const roster = program.command('roster').description('rosters: who belongs to a site, and which relay it trusts')
  examples(
    roster,
    'selvedge roster init roster.json --site hq',
    'selvedge roster add roster.json hq-1 $(selvedge key --data ./hq-1)',
    'selvedge roster add roster.json relay $(selvedge key --data ./relay) --relay',
    'selvedge roster show roster.json'
  )
  roster
    .command('init')
    .description('make a roster without nodes')
    .argument('<file>', 'the file to make')
    .requiredOption('--site <id>', 'the site')
    .action(async (file: string, { site }: { site: string }) => {
      const { parseRoster } = await import('@selvedge/network')
      const json = { site, nodes: [] }
      parseRoster(JSON.stringify(json))
      writeJsonFile(file, json, { create: true })
      await io.write(`${file} is the roster of ${site}\n`)
    })
  roster
    .command('add')
    .description('add a node, or say which relay it is')
    .argument('<file>', 'the roster')
    .argument('<name>', 'name of the node, for people')
    .argument('<node>', 'its id: selvedge key prints it')
    .option('--relay', "it is the site's relay")
    .action((file: string, name: string, node: string, { relay }: { relay?: boolean }) =>
      addToRoster(io, file, { name, node }, relay === true)
    )
  roster
    .command('show')
    .description('print who is in it')
    .argument('<file>', 'the roster')
    .action(async (file: string) => {
      const { loadRoster } = await import('@selvedge/network')
      const { site, nodes, relay } = loadRoster(file)
      const rows = [...nodes.map(entry => ({ ...entry, role: 'node' })), ...(relay ? [{ ...relay, role: 'relay' }] : [])]
      const columns = (['name', 'role', 'node'] as const).map(field => ({
        title: field.toUpperCase(),
        value: (row: (typeof rows)[number]) => row[field]
      }))
      await io.write(`site ${site}\n${table(rows, columns, styleFor(io.colours), 'nobody yet')}`)
    })
}

async function addToRoster(io: Io, file: string, entry: { name: string; node: string }, isRelay: boolean): Promise<void> {
  const { loadRoster, parseRoster } = await import('@selvedge/network')
  // First as it is: what is wrong with the file is told before what is wrong with the new entry.
  loadRoster(file)
  const json = readJsonFile(file) as { nodes: object[] }
  const next = isRelay ? { ...json, relay: entry } : { ...json, nodes: [...json.nodes, entry] }
  parseRoster(JSON.stringify(next))
  writeJsonFile(file, next)
  await io.write(`${entry.name} is ${isRelay ? 'the relay' : 'a node'} in ${file}\n`)
}
