/** All questions, in the order of the table. */
import type { Question } from '../row.js'

const questions = {
  'register-writes': () => import('./register-writes.js'),
  growth: () => import('./growth.js'),
  overwrites: () => import('./overwrites.js'),
  'fan-out': () => import('./fan-out.js'),
  'partition-merge': () => import('./partition-merge.js'),
  'acknowledged-writes': () => import('./acknowledged-writes.js'),
  reopen: () => import('./reopen.js'),
  'documents-reconnect': () => import('./documents-reconnect.js'),
  relay: () => import('./relay.js'),
  'node-memory': () => import('./node-memory.js'),
  'simulated-time': () => import('./simulated-time.js'),
  'simulated-seeds': () => import('./simulated-seeds.js'),
  'simulated-shrinking': () => import('./simulated-shrinking.js')
} satisfies Record<string, () => Promise<Question>>

export type QuestionId = keyof typeof questions

export const questionIds = Object.keys(questions) as QuestionId[]

export function isQuestion(id: string): id is QuestionId {
  return Object.hasOwn(questions, id)
}

export function loadQuestion(id: QuestionId): Promise<Question> {
  return questions[id]()
}
