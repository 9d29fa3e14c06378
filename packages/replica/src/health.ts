/** What an operator should know at a glance: alarms that stand until their cause is gone, and the state that follows from them. */
export interface Alarm {
  /** Stable, such as `STORE_FULL` or `DIVERGENCE`. */
  readonly code: string
  /** `critical`: something may be lost or is wrong; `warning`: something works less well than it should. */
  readonly severity: 'warning' | 'critical'
  readonly message: string
  /** Wall milliseconds since which it stands. */
  readonly sinceMs: number
}

export interface Health {
  readonly state: 'ok' | 'degraded'
  /** At most 100; the newest beyond that are counted in `more`. */
  readonly alarms: readonly Alarm[]
  readonly more: number
}

// A fleet can raise an alarm for each of its spaces: status and logs stay readable.
const shownMax = 100

export class AlarmBoard {
  private readonly alarms = new Map<string, Alarm>()

  constructor(
    private readonly wallMs: () => number,
    private readonly onChange: (health: Health) => void
  ) {}

  get health(): Health {
    const alarms = [...this.alarms.values()]
    return {
      state: alarms.length > 0 ? 'degraded' : 'ok',
      alarms: alarms.slice(0, shownMax),
      more: Math.max(0, alarms.length - shownMax)
    }
  }

  /** Raises an alarm; `key` tells alarms of one code apart. Raised again, it keeps its time and takes the new message. */
  raise(key: string, alarm: Omit<Alarm, 'sinceMs'>): void {
    const known = this.alarms.get(key)
    if (known?.message === alarm.message) return
    this.alarms.set(key, { ...alarm, sinceMs: known?.sinceMs ?? this.wallMs() })
    this.onChange(this.health)
  }

  clear(key: string): void {
    if (this.alarms.delete(key)) this.onChange(this.health)
  }
}
