import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import { Spawned, type Ended } from '../testing/spawned.js'

// Below the root: scenarios find the packages as a user's do.
const root = join(import.meta.dirname, '../../../../.selvedge', `sim-test-${process.pid}`)
const left: Spawned[] = []

const imports = `
import { fc, scenario } from '@selvedge/simulator'
`
/** People are counted with a read and a write, which a partition breaks. */
const hall = `${imports}
class Lights {
  constructor(private readonly points: { get(path: string): { value: unknown } | undefined; set(path: string, value: number): unknown }) {}
  get count(): number { return Number(this.points.get('people')?.value ?? 0) }
  enter(): void { this.points.set('people', this.count + 1) }
}
const hall = scenario('hall')
  .site('hq', { nodes: 2 })
  .withoutRelay()
  .lasts('1m')
  .onlyChecks()
  .service('lights', ({ site }) => new Lights(site.points as never))
  .operation('enter', { every: '3s', args: fc.constant(null), run: ({ service }) => service('lights').enter(), describe: () => 'somebody enters' })
  .atEnd('everybody is counted', ({ run, nodes }) => {
    const counted = nodes()[0]!.service('lights').count
    return run.history.done.length === counted || \`\${run.history.done.length} entered, \${counted} are counted\`
  })
`

beforeAll(() => {
  mkdirSync(root, { recursive: true })
  writeFileSync(join(root, 'whole.ts'), `${hall}\nexport default hall\n`)
  writeFileSync(
    join(root, 'split.ts'),
    `${hall}\nexport const split = hall.named('split hall').faults(({ at }) => [at('20s').partition(['hq-1'], ['hq-2']).for('20s')])\n`
  )
  writeFileSync(join(root, 'slow.ts'), `${hall}\nexport default hall.named('slow hall').lasts('1h')\n`)
  writeFileSync(join(root, 'never.ts'), `${hall}\nexport default hall.sometimes('a thousand people')\n`)
  // What a process remembers from one run to the next.
  writeFileSync(
    join(root, 'moody.ts'),
    `${hall}\nlet runs = 0\nexport default hall.service('mood', ({ clock }) => void clock.setTimer(++runs * 7, () => undefined))\n`
  )
  writeFileSync(join(root, 'wrong.ts'), `export default 5\n`)
  for (const name of ['torn.js', 'torn.ts']) writeFileSync(join(root, name), `\nexport default scenario('hall'\n`)
  // What a project's compiler knows and Node's own does not.
  writeFileSync(join(root, 'floors.ts'), `export enum Floor { ground = 1, first }\n`)
  writeFileSync(
    join(root, 'parts.ts'),
    `import { Floor } from './floors.js'\n${hall}\nexport default hall.named(String(Floor.first))\n`
  )
  writeFileSync(
    join(root, 'long.ts'),
    `import { appendFileSync } from 'node:fs'\n${hall}\nappendFileSync(new URL('pids', import.meta.url), process.pid + '\\n')\nexport default hall.lasts('5d')\n`
  )
})
afterEach(async () => {
  await Promise.all(left.splice(0).map(spawned => spawned.stop('SIGKILL')))
})
afterAll(() => rmSync(root, { recursive: true, force: true }))

function sim(...args: string[]): Promise<Ended> {
  return started({}, ...args).ended
}

function started(env: NodeJS.ProcessEnv, ...args: string[]): Spawned {
  const spawned = new Spawned(['sim', ...args], root, env)
  left.push(spawned)
  return spawned
}

/** Process ids of the workers that have loaded the long scenario: the first only listed it. */
function pids(): number[] {
  const file = join(root, 'pids')
  return existsSync(file) ? readFileSync(file, 'utf8').trim().split('\n').map(Number) : []
}

function lives(pid: number): boolean {
  try {
    process.kill(pid, 0)
    return true
  } catch {
    return false
  }
}

/** @param by Who brings it about: it never comes when that has ended before. */
async function until(met: () => boolean, by?: Spawned): Promise<void> {
  let ended: Ended | undefined
  void by?.ended.then(end => (ended = end))
  while (!met()) {
    if (ended) throw new Error(`it ended before: ${JSON.stringify(ended)}`)
    await new Promise(resolve => setTimeout(resolve, 20))
  }
}

describe('sim run', { timeout: 300_000 }, () => {
  it('is clean where nothing is broken', async () => {
    const { code, out } = await sim('run', 'whole.ts', '--seeds', '3', '--jobs', '2')
    expect(out).toMatch(/✓ hall {2}3 seeds/)
    expect(out).toMatch(/1 seeds run twice, all the same/)
    expect(code).toBe(0)
  })

  it('shares seeds out by the time that they take, when they are counted for all scenarios together', async () => {
    const { code, out } = await sim('run', 'whole.ts', 'slow.ts', '--total', '24', '--jobs', '1', '--json')
    const told = out
      .trim()
      .split('\n')
      .map(line => JSON.parse(line) as { scenario: string; seeds: number })
    const seedsOf = (name: string): number => told.find(({ scenario }) => scenario === name)!.seeds
    expect(seedsOf('hall') + seedsOf('slow hall')).toBe(24)
    expect(seedsOf('hall')).toBeGreaterThan(seedsOf('slow hall'))
    expect(seedsOf('slow hall')).toBeGreaterThanOrEqual(1)
    expect(code).toBe(0)
  })

  it('finds a failure, makes it small, keeps its plan, and the command that it prints replays it', async () => {
    const { code, out } = await sim('run', 'split.ts', '--seeds', '2', '--jobs', '2', '--shrink', '60s')
    expect(code, out).toBe(1)
    expect(out).toContain('2 entered, 1 are counted')
    expect(out.match(/somebody enters/g)).toHaveLength(2)
    const [, replay] = /replay: selvedge sim (replay .*)$/m.exec(out)!
    const [command, plan] = replay!.split(' ') as [string, string]
    const again = await sim(command, plan)
    expect(again.code).toBe(1)
    expect(again.out).toContain('2 entered, 1 are counted')
    expect((await sim('replay', plan, '--until', '1s')).code).toBe(0)
    // A plan holds whoever moves it with its scenario.
    expect(JSON.parse(readFileSync(join(root, plan), 'utf8'))).toMatchObject({
      file: '../../split.ts',
      failure: { check: 'everybody is counted' }
    })
    expect(out).toContain(`look:   selvedge sim open ${plan}`)
    const shrunk = await sim('shrink', plan)
    expect(shrunk.out).toMatch(/^2 operations and 1 faults are left/)
  })

  it('shows a run beside another one on a page, and opens it', async () => {
    const plan = join(root, 'split-plan.json')
    const operations = [1, 2].map(n => ({ id: `o${n}`, atMs: 3_500 + 500 * n, by: `hq-${n}`, kind: 'enter', args: null }))
    const faults = [{ id: 'f1', atMs: 3_000, forMs: 2_000, kind: 'partition', args: { groups: [['hq-1'], ['hq-2']] } }]
    const world = { epochMs: 1_700_000_000_000, relay: false, sites: [{ id: 'hq', nodes: ['hq-1', 'hq-2'], lan: {}, trunk: {} }] }
    const failure = { check: '', fingerprint: '', sentence: '' }
    const saved = {
      version: 1,
      scenario: 'split hall',
      seed: 1,
      file: 'split.ts',
      failure,
      world,
      faults,
      operations,
      untilMs: 6_000
    }
    writeFileSync(plan, JSON.stringify(saved))
    const opened = join(root, 'opened')
    const browser = join(root, 'browser.sh')
    writeFileSync(browser, `#!/bin/sh\nprintf %s "$1" > ${opened}\n`, { mode: 0o755 })
    const { code, out } = await started({ BROWSER: browser }, 'open', plan, '--out', 'pages/split.html').ended
    expect({ code, out }).toEqual({
      code: 0,
      out: '2 entered, 1 are counted (everybody is counted)\nbeside it: without its faults\nopened pages/split.html\n'
    })
    const page = readFileSync(join(root, 'pages/split.html'), 'utf8')
    const [, json = ''] = /id="recordings">(.*?)<\/script>/s.exec(page) ?? []
    expect(JSON.parse(json)).toMatchObject([
      {
        label: 'failing',
        failure: { check: 'everybody is counted' },
        operations: [{ id: 'o1' }, { id: 'o2' }],
        faults: [{ kind: 'partition' }]
      },
      { label: 'without its faults', summary: 'nothing fails', failure: null, faults: [] }
    ])
    await until(() => existsSync(opened) && readFileSync(opened, 'utf8') !== '')
    expect(readFileSync(opened, 'utf8')).toBe(pathToFileURL(join(root, 'pages/split.html')).href)
  })

  it('loads TypeScript as the compiler of its project does', async () => {
    const { code, out, err } = await sim('run', 'parts.ts', '--seeds', '1')
    expect(out, err).toMatch(/✓ 2 {2}1 seeds/)
    expect(code).toBe(0)
  })

  it('passes over files of a directory that export no scenario', async () => {
    mkdirSync(join(root, 'shared'))
    writeFileSync(join(root, 'shared/floors.ts'), `export enum Floor { ground = 1, first }\n`)
    writeFileSync(
      join(root, 'shared/parts.ts'),
      `import { Floor } from './floors.js'\n${hall}\nexport default hall.named(String(Floor.first))\n`
    )
    const { code, out, err } = await sim('run', 'shared', '--seeds', '1')
    expect(out, err).toMatch(/✓ 2 {2}1 seeds/)
    expect(code).toBe(0)
  })

  it('says what no seed reached', async () => {
    const { code, out } = await sim('run', 'never.ts', '--seeds', '1', '--json')
    expect(JSON.parse(out)).toMatchObject({ scenario: 'hall', seeds: 1, neverReached: ['a thousand people'], failures: [] })
    expect(code).toBe(2)
  })

  it('notices that one seed gives two runs', async () => {
    const { code, out } = await sim('run', 'moody.ts', '--seeds', '1', '--jobs', '1', '--check-determinism')
    expect(out).toMatch(/gave two different runs/)
    expect(code).toBe(4)
  })

  it.each([
    [['run', 'wrong.ts'], 'exports no scenario'],
    [['run', 'torn.js'], /torn\.js.*SyntaxError: missing \)/],
    [['run', 'torn.ts'], /SyntaxError: .*torn\.ts:[23]: '\)' expected/],
    [['run', 'absent.ts'], "can't be read"],
    [['run', 'whole.ts', '--seeds', 'many'], 'whole number'],
    [['run', 'whole.ts', '--only', 'nobody'], 'no scenario has'],
    [['replay', '7'], 'name the file'],
    [['open', '7'], 'name the file'],
    [['mutate', '--only', 'nobody'], 'no mutant has'],
    [['replay', 'whole.ts'], 'whole.ts']
  ])('%j ends with 5', async (args, problem) => {
    const { code, err } = await sim(...args)
    expect(err).toMatch(problem)
    expect(code).toBe(5)
  })

  it('ends with the report so far at SIGINT', async () => {
    const run = started({}, 'run', 'long.ts', '--jobs', '1')
    const before = pids().length
    await until(() => pids().length >= before + 2, run)
    const { code, out } = await run.stop('SIGINT')
    expect(out).toContain('stopped; so far:')
    expect(out).toContain('hall  0 seeds')
    expect(code).toBe(2)
  })

  it('takes its workers with it when it is killed', async () => {
    const before = pids().length
    const run = started({}, 'run', 'long.ts', '--jobs', '2')
    await until(() => pids().length >= before + 3, run)
    const workers = pids().slice(before + 1)
    expect(workers.every(lives)).toBe(true)
    await run.stop('SIGKILL')
    await until(() => !workers.some(lives))
    expect(readdirSync(root)).toContain('long.ts')
  })
})
