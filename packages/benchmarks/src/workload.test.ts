import { seededRandom } from '@selvedge/core'
import { describe, expect, it } from 'vitest'
import { buildingPaths, reading, unitAndPoint } from './workload.js'

describe('a building', () => {
  it('has as many different paths as asked for, by unit', () => {
    const paths = buildingPaths(2_000)
    expect(new Set(paths).size).toBe(2_000)
    expect(new Set(paths.map(path => unitAndPoint(path)[0])).size).toBe(200)
    expect(paths).toContain('hq/ahu/12/fan/speed')
  })

  it('takes a path apart into its unit and its point, and loses nothing', () => {
    expect(unitAndPoint('hq/ahu/12/fan/speed')).toEqual(['hq/ahu/12', 'fan/speed'])
    expect(unitAndPoint('short')).toEqual(['short', 'value'])
    for (const path of buildingPaths(100)) expect(unitAndPoint(path).join('/')).toBe(path)
  })

  it('reads from 0 to 50, with one decimal', () => {
    const random = seededRandom(1)
    for (let i = 0; i < 1_000; i++) {
      const value = reading(random)
      expect(value).toBeGreaterThanOrEqual(0)
      expect(value).toBeLessThanOrEqual(50)
      expect(value).toBe(Number(value.toFixed(1)))
    }
  })
})
