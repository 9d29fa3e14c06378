/** That no decoder is forgotten, as far as a name tells one. */
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, it } from 'vitest'
import { exceptions } from './inventory.js'
import { targets } from './targets/index.js'

const packages = join(import.meta.dirname, '..', '..', '..')
/** They decode nothing that comes from outside: they measure and wear out the others. */
const tools = ['benchmarks', 'endurance']

const decoderPattern =
  /^export (?:async )?(?:function ((?:decode|parse|read|inspect)[A-Z]\w*)|class (\w*(?:Decoder|Reader|Reassembly|Handshake)))\b/gm
/** Where bytes are read with a reader at hand, but no function of its own has the name of a decoder. */
const readers = ['ByteReader']

function sources(directory: string): string[] {
  return readdirSync(directory, { withFileTypes: true }).flatMap(entry => {
    const path = join(directory, entry.name)
    if (entry.isDirectory()) return entry.name === 'testing' ? [] : sources(path)
    return /(?<!\.test(?:-d)?)\.ts$/.test(entry.name) ? [path] : []
  })
}

function decoders(): string[] {
  const names = readdirSync(packages, { withFileTypes: true }).filter(entry => entry.isDirectory() && !tools.includes(entry.name))
  const files = names.flatMap(({ name }) => sources(join(packages, name, 'src')))
  const found = files.flatMap(file =>
    [...readFileSync(file, 'utf8').matchAll(decoderPattern)].map(([, name, type]) => (name ?? type)!)
  )
  return [...new Set(found)].filter(name => !readers.includes(name)).sort()
}

it('every exported function or class with the name of a decoder is reached, or there is a reason', () => {
  const reached = new Set(targets.flatMap(({ reaches }) => reaches))
  const found = decoders()
  expect(found.length).toBeGreaterThan(30)
  expect(found.filter(name => !reached.has(name) && !Object.hasOwn(exceptions, name))).toEqual([])
})

it('every exception is a decoder that exists, and is not reached', () => {
  const reached = new Set(targets.flatMap(({ reaches }) => reaches))
  const found = new Set(decoders())
  for (const name of Object.keys(exceptions)) expect([name, found.has(name), reached.has(name)]).toEqual([name, true, false])
})

it('names of targets are unique and fit a command line', () => {
  expect(new Set(targets.map(({ name }) => name)).size).toBe(targets.length)
  for (const { name } of targets) expect(name).toMatch(/^[a-z-]{2,18}$/)
})
