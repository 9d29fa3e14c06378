/**
 * The routes of a control API: `'GET /points/get'` → handler. A path's segment `:name` is a parameter, percent-encoded where it is
 * sent. A handler gives a value, which is answered as JSON, or an async iterable, which is streamed as JSON lines.
 *
 * @example
 * const routes: Routes = { 'GET /status': () => site.status(), 'GET /documents/:id': ({ params }) => show(params.id) }
 */
import { SelvedgeError } from '@selvedge/core'
import { controlErrors } from './errors.js'

export type ControlMethod = 'GET' | 'PUT' | 'POST' | 'DELETE'

export interface ControlRequest {
  /** Values of the route's `:name` segments. */
  readonly params: Readonly<Record<string, string>>
  readonly query: Readonly<Record<string, string>>
  /** Parsed JSON; `undefined` when none was sent. */
  readonly body: unknown
  /** Aborts when the client goes, or the server closes. */
  readonly signal: AbortSignal
  /** A signal that aborts with `signal`, and after so many milliseconds. */
  within(timeoutMs: number): AbortSignal
}

/** May return a promise. */
export type ControlHandler = (request: ControlRequest) => unknown

export type Routes = Readonly<Record<`${ControlMethod} /${string}`, ControlHandler>>

interface Route {
  readonly method: string
  readonly segments: readonly string[]
  readonly handler: ControlHandler
}

export interface FoundRoute {
  readonly handler: ControlHandler
  readonly params: Readonly<Record<string, string>>
}

export class Router {
  private readonly routes: readonly Route[]

  constructor(routes: Routes) {
    this.routes = Object.entries(routes).map(([key, handler]) => {
      const [method = '', path = ''] = key.split(' ')
      return { method, segments: path.split('/'), handler }
    })
  }

  /** All routes, as they were written. */
  get names(): string[] {
    return this.routes.map(({ method, segments }) => `${method} ${segments.join('/')}`).sort()
  }

  /**
   * The handler for a request; a literal segment goes before a parameter.
   * @throws SelvedgeError `CONTROL_ROUTE_UNKNOWN`, `CONTROL_METHOD_UNKNOWN`, `CONTROL_REQUEST_INVALID`
   */
  find(method: string, path: string): FoundRoute {
    const segments = path.split('/')
    const here = this.routes.filter(route => fits(route.segments, segments))
    if (here.length === 0)
      throw new SelvedgeError(
        controlErrors.routeUnknown,
        `there is nothing at ${path.slice(0, 200)}: GET / lists what there is (is this node of an older version?)`,
        { details: { path: path.slice(0, 200) } }
      )
    const route = here.filter(other => other.method === method).sort((a, b) => parameters(a) - parameters(b))[0]
    if (!route) {
      const allowed = [...new Set(here.map(other => other.method))]
      throw new SelvedgeError(controlErrors.methodUnknown, `${path} takes ${allowed.join(' and ')}, not ${method}`, {
        details: { allowed }
      })
    }
    return { handler: route.handler, params: paramsOf(route.segments, segments) }
  }
}

function fits(pattern: readonly string[], segments: readonly string[]): boolean {
  return (
    pattern.length === segments.length &&
    pattern.every((part, i) => (part.startsWith(':') ? segments[i] !== '' : part === segments[i]))
  )
}

function parameters(route: Route): number {
  return route.segments.filter(segment => segment.startsWith(':')).length
}

function paramsOf(pattern: readonly string[], segments: readonly string[]): Record<string, string> {
  const params: Record<string, string> = {}
  pattern.forEach((part, i) => {
    if (part.startsWith(':')) params[part.slice(1)] = decoded(segments[i]!)
  })
  return params
}

function decoded(segment: string): string {
  try {
    return decodeURIComponent(segment)
  } catch (cause) {
    throw new SelvedgeError(controlErrors.requestInvalid, `${segment.slice(0, 100)} is not percent-encoded UTF-8`, { cause })
  }
}
