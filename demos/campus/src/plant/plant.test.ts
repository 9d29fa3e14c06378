import { seededRandom } from '@selvedge/core'
import { describe, expect, it } from 'vitest'
import {
  campusPoints,
  driverShare,
  loopsOfWing,
  Plant,
  wingLayouts,
  type ControlLoop,
  type DriverShare,
  type PointScalar
} from './index.js'

const minuteMs = 60_000

function makePlant(options: { seed?: number; startHour?: number; building?: string } = {}): Plant {
  return new Plant({
    building: options.building ?? 'b',
    random: seededRandom(options.seed ?? 1),
    startHour: options.startHour ?? 9.5
  })
}

/** A site of one process: the values, and the plant with its loops around them. */
class Building {
  readonly values = new Map<string, PointScalar>()
  readonly read = (path: string): PointScalar | undefined => this.values.get(path)
  readonly shares: DriverShare[]
  readonly loops: ControlLoop[]

  constructor(readonly plant: Plant) {
    this.shares = [0, 1, 2].map(index => driverShare(plant, index, 3))
    this.loops = this.shares.flatMap(({ loops }) => loops)
    for (const share of this.shares) for (const { path, value } of share.restore(this.read)) this.values.set(path, value)
  }

  run(minutes: number, control = true): void {
    for (let i = 0; i < minutes; i++) {
      for (const { path, value } of this.plant.step(minuteMs)) this.values.set(path, value)
      if (!control) continue
      for (const loop of this.loops)
        for (const { path, value } of loop.run(this.read, minuteMs)) {
          expect(loop.writes).toContain(path)
          this.values.set(path, value)
          expect(this.plant.command(path, value)).toEqual({ ok: true })
        }
    }
  }

  number(path: string): number {
    const value = this.values.get(path)
    if (typeof value !== 'number') throw new Error(`${path} is ${value}`)
    return value
  }

  /** How far zones are from what people ask for, in kelvins: mean. */
  discomfort(): number {
    let sum = 0
    for (let zone = 1; zone <= 30; zone++)
      sum += Math.abs(this.number(`zone/${zone}/temp`) - this.number(`zone/${zone}/setpoint`))
    return sum / 30
  }
}

describe('the points', () => {
  it('are 300, each defined, split in three shares of 100', () => {
    const plant = makePlant()
    const paths = plant.points.map(({ path }) => path)
    expect(new Set(paths).size).toBe(300)
    expect(paths.length).toBe(300)
    const shares = [0, 1, 2].map(index => driverShare(plant, index, 3))
    expect(shares.map(share => share.paths.length)).toEqual([100, 100, 100])
    expect(shares.flatMap(share => share.paths).sort()).toEqual([...paths].sort())
    for (const share of shares) expect(share.loops.length).toBe(21)
  })

  it('are shared whatever the number of nodes', () => {
    const plant = makePlant()
    for (const of of [1, 2, 4, 7]) {
      const all = Array.from({ length: of }, (_, index) => driverShare(plant, index, of).paths).flat()
      expect(all.sort()).toEqual(plant.points.map(({ path }) => path).sort())
    }
    expect(() => driverShare(plant, 3, 3)).toThrow('no share 3 of 3')
  })

  it('hold values that their definitions take, through a whole day', () => {
    const building = new Building(makePlant())
    const problems: string[] = []
    for (let hour = 0; hour < 24; hour++) {
      building.run(60)
      for (const [path, value] of building.values) {
        const checked = campusPoints.check(path, value, path.endsWith('-kwh') ? 'counter' : 'plain')
        if (!checked.ok) problems.push(`${path} ${checked.problem.reason}`)
      }
    }
    expect(problems).toEqual([])
    expect(building.values.size).toBe(300)
  })
})

describe('Plant.step', () => {
  it('shows every sensor at first, then what changed', () => {
    const plant = makePlant()
    const sensors = plant.points.filter(({ role }) => role === 'sensor' || role === 'total').map(({ path }) => path)
    expect(
      plant
        .step(0)
        .map(({ path }) => path)
        .sort()
    ).toEqual([...sensors].sort())
    const changed = plant.step(1_000)
    expect(changed.length).toBeGreaterThan(20)
    expect(changed.length).toBeLessThan(sensors.length)
  })

  it('is the same again from the same seed, and another for another building', () => {
    const trail = (plant: Plant): unknown => Array.from({ length: 20 }, () => plant.step(10_000))
    expect(trail(makePlant())).toEqual(trail(makePlant()))
    expect(trail(makePlant())).not.toEqual(trail(makePlant({ building: 'c' })))
    expect(trail(makePlant())).not.toEqual(trail(makePlant({ seed: 2 })))
  })

  it('lets a wing be driven by itself: commands to one do not reach another', () => {
    const both = [makePlant(), makePlant()] as const
    both[1].command('ahu/1/fan-speed', 0)
    both[1].command('zone/3/damper', 100)
    const [share] = [driverShare(both[0], 2, 3)]
    for (let i = 0; i < 50; i++) expect(share.pick(both[1].step(minuteMs))).toEqual(share.pick(both[0].step(minuteMs)))
  })

  it('stays within physics for any step length', () => {
    const plant = makePlant()
    for (const dtMs of [1, 100, 5_000, 5_001, minuteMs, 3_600_000, 24 * 3_600_000])
      for (const { path, value } of plant.step(dtMs)) {
        if (path.endsWith('temp')) expect(value).toSatisfy((v: number) => v > -30 && v < 60)
        if (path.endsWith('co2')) expect(value).toSatisfy((v: number) => v > 380 && v < 10_000)
      }
    expect(() => plant.step(-1)).toThrow('a step of -1 ms')
  })

  it('meters only what is used, and never runs back', () => {
    const building = new Building(makePlant())
    const before = new Map<number, number>()
    for (let i = 0; i < 12; i++) {
      building.run(10)
      for (let meter = 1; meter <= 5; meter++) {
        const kwh = building.number(`meter/${meter}/energy-kwh`)
        expect(kwh).toBeGreaterThan(before.get(meter) ?? 0)
        before.set(meter, kwh)
      }
    }
    const kw = (light: number): number => {
      const plant = makePlant()
      for (let zone = 1; zone <= 10; zone++) plant.command(`light/${zone}/level`, light)
      return Number(plant.step(1_000).find(({ path }) => path === 'meter/2/power-kw')?.value)
    }
    expect(kw(100) - kw(0)).toBeCloseTo(1.2, 5) // ten lights of 120 W
  })

  it('a locked door stays shut', () => {
    const plant = makePlant({ startHour: 10 })
    plant.command('door/1/locked', true)
    plant.step(5 * minuteMs)
    const opened = new Set<string>()
    for (let i = 0; i < 500; i++) for (const { path, value } of plant.step(30_000)) if (value === true) opened.add(path)
    expect(opened.has('door/1/open')).toBe(false)
    expect(opened.has('door/2/open')).toBe(true)
  })
})

describe('Plant.command', () => {
  it.each<[string, unknown, string]>([
    ['zone/1/temp', 20, 'is a sensor'],
    ['zone/99/damper', 20, 'no point of this building'],
    ['__proto__', 20, 'no point of this building'],
    ['zone/1/damper', 101, 'takes 0 to 100'],
    ['zone/1/damper', Number.NaN, 'takes 0 to 100'],
    ['zone/1/damper', true, 'takes 0 to 100'],
    ['zone/1/setpoint', 50, 'takes 5 to 35'],
    ['door/1/locked', 1, 'takes true or false']
  ])('refuses %s = %s', (path, value, why) => {
    const result = makePlant().command(path, value)
    expect(result).toMatchObject({ ok: false, problem: expect.stringContaining(why) as string })
  })

  it('reaches the device named, and no other', () => {
    const plant = makePlant()
    const before = new Map(plant.commanded().map(({ path, value }) => [path, value]))
    for (const { path, takes } of plant.points) {
      if (takes === undefined) continue
      const value = takes === 'boolean' ? true : takes[1]
      expect(plant.command(path, value)).toEqual({ ok: true })
      before.set(path, value)
      expect(new Map(plant.commanded().map(each => [each.path, each.value]))).toEqual(before)
    }
  })
})

describe('control', () => {
  it('keeps people comfortable where an uncontrolled building cools down', () => {
    const controlled = new Building(makePlant())
    const left = new Building(makePlant())
    controlled.run(180)
    left.run(180, false)
    expect(controlled.discomfort()).toBeLessThan(0.6)
    expect(left.discomfort()).toBeGreaterThan(controlled.discomfort() * 2)
  })

  it('follows a setpoint that people change', () => {
    const building = new Building(makePlant())
    building.run(120)
    const before = building.number('zone/4/temp')
    for (const zone of wingLayouts[0]!.zones) {
      building.values.set(`zone/${zone}/setpoint`, 24)
      building.plant.command(`zone/${zone}/setpoint`, 24)
    }
    building.run(180)
    expect(building.number('zone/4/temp')).toBeGreaterThan(before + 1.5)
    expect(Math.abs(building.number('zone/4/temp') - 24)).toBeLessThan(1)
    expect(Math.abs(building.number('zone/14/temp') - building.number('zone/14/setpoint'))).toBeLessThan(1)
  })

  it('does nothing while an input is missing, and writes only what differs', () => {
    const [damper] = loopsOfWing(wingLayouts[0]!)
    const values = new Map<string, PointScalar>([
      ['zone/1/temp', 18],
      ['zone/1/setpoint', 21]
    ])
    expect(damper!.run(path => values.get(path), 1_000)).toEqual([])
    values.set('ahu/1/supply-temp', 30)
    const writes = damper!.run(path => values.get(path), 1_000)
    expect(writes).toEqual([{ path: 'zone/1/damper', value: expect.any(Number) as number }])
    values.set('zone/1/damper', writes[0]!.value)
    expect(damper!.run(path => values.get(path), 0)).toEqual([])
  })

  it('opens a damper for warm air in a cold room, and closes it for cold air', () => {
    const wanted = (supply: number): number => {
      const [damper] = loopsOfWing(wingLayouts[0]!)
      const values = { 'zone/1/temp': 18, 'zone/1/setpoint': 21, 'ahu/1/supply-temp': supply } as Record<string, number>
      return Number(damper!.run(path => values[path], 1_000)[0]?.value)
    }
    expect(wanted(30)).toBeGreaterThan(70)
    expect(wanted(12)).toBe(15)
  })

  it('leaves a light as people set it until somebody comes or goes', () => {
    const light = loopsOfWing(wingLayouts[0]!).find(({ name }) => name === 'light 1')!
    const values = new Map<string, PointScalar>([['zone/1/people', 2]])
    const run = (): unknown => light.run(path => values.get(path), 1_000)
    expect(run()).toEqual([{ path: 'light/1/level', value: 80 }])
    values.set('light/1/level', 33)
    expect(run()).toEqual([])
    values.set('zone/1/people', 0)
    expect(run()).toEqual([{ path: 'light/1/level', value: 5 }])
  })
})

describe('driverShare.restore', () => {
  it('commands what the site knows, and gives defaults for the rest', () => {
    const plant = makePlant()
    const share = driverShare(plant, 0, 3)
    const site = new Map<string, PointScalar>([
      ['zone/1/setpoint', 24],
      ['door/1/locked', true],
      ['zone/2/setpoint', 400], // what no device takes is replaced
      ['zone/11/setpoint', 25] // another share's
    ])
    const defaults = share.restore(path => site.get(path))
    expect(defaults.map(({ path }) => path)).toEqual(
      share.commanded.filter(path => path !== 'zone/1/setpoint' && path !== 'door/1/locked')
    )
    const devices = new Map(plant.commanded().map(({ path, value }) => [path, value]))
    expect(devices.get('zone/1/setpoint')).toBe(24)
    expect(devices.get('door/1/locked')).toBe(true)
    expect(devices.get('zone/2/setpoint')).toBe(21.5)
    expect(devices.get('zone/11/setpoint')).toBe(21.5)
  })
})
