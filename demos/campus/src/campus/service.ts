import type { FromChild, Request } from './protocol.js'

/** What a process of the campus does with requests. */
export interface Service {
  answer(request: Request): Promise<unknown>
  report(): FromChild | undefined
  close(): Promise<void>
}
