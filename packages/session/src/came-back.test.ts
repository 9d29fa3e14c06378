/** What a space remembers of registers that came back: their forms, and no more of them than it may. */
import { expect, it } from 'vitest'
import { CameBack } from './came-back.js'
import { TestWorld, type TestReplica } from './testing/harness.js'

it('SES-23: a later form is one like any other, and of too many the first are forgotten', () => {
  const [{ table }] = new TestWorld(1, 1).replicas as [TestReplica]
  const cameBack = new CameBack(2)
  const paths = ['a', 'b', 'c']
  for (const path of paths) table.set(path, 1)
  const registers = paths.map(path => table.peek(path)!)
  for (const register of registers) cameBack.note(register)
  expect(registers.map(register => cameBack.has(register))).toEqual([false, true, true])
  table.set('b', 2)
  expect(registers.map(register => cameBack.has(register))).toEqual([false, false, true])
})
