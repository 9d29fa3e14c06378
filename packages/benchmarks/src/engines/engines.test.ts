import { describe, expect, it } from 'vitest'
import * as engines from './index.js'

describe.each(Object.values(engines))('$name', kind => {
  let nowMs = Date.UTC(2026, 0, 5)
  const open = (name: string): engines.Engine => kind.open(name, () => nowMs)

  it('gives an empty replica everything, and tells what it cost', async () => {
    const [site, cloud] = [open('site'), open('cloud')]
    site.write([
      ['ahu/1/temp', 20],
      ['ahu/2/temp', 21]
    ])
    expect(await site.meet(cloud)).toBeGreaterThan(20)
    expect([cloud.get('ahu/1/temp'), cloud.get('ahu/2/temp')]).toEqual([20, 21])
  })

  it('brings two sides that both wrote to the same content', async () => {
    const [site, cloud] = [open('site'), open('cloud')]
    site.write([['both', 1]])
    await site.meet(cloud)
    for (let value = 2; value < 10; value++) {
      nowMs += 10
      site.write([
        ['both', value],
        ['site', value]
      ])
      cloud.write([
        ['both', -value],
        ['cloud', -value]
      ])
    }
    await site.meet(cloud)
    expect([site.get('site'), site.get('cloud')]).toEqual([9, -9])
    expect([cloud.get('site'), cloud.get('cloud')]).toEqual([9, -9])
    expect(site.get('both')).toBe(cloud.get('both'))
    expect(Math.abs(site.get('both')!)).toBe(9)
  })

  it('meets again at little cost when nothing is new', async () => {
    const [site, cloud] = [open('site'), open('cloud')]
    site.write(Array.from({ length: 200 }, (_, i) => [`ahu/${i}/temp`, i] as const))
    const first = await site.meet(cloud)
    expect(await site.meet(cloud)).toBeLessThan(first / 2)
  })
})
