import { documentId } from '@selvedge/core'
import { beforeAll, expect, it } from 'vitest'
import { openConfig, warmUp } from './testing/documents.js'
import { World } from './testing/world.js'
beforeAll(warmUp)
it('repro', async () => {
  const world = new World()
  const a = await world.node('a')
  const c = await openConfig<any>(a, documentId('x'))
  const step = async (e: (d: any) => void) => { await world.while(c.change('m', e)); try { c.conflicts() } catch (error) { console.log(String(e), error) } }
  await step(d => { d.lobby = { setpoint: 20 } })
  await step(d => { d.lobby.modes = ['eco'] })
  await step(d => { d.lobby.modes.push('x') })
  await step(d => { delete d.lobby.setpoint })
  expect(c.conflicts()).toEqual([])
})
