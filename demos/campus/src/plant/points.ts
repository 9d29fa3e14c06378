/** The points of a campus building: 300 of the plant, and what the campus itself writes. Checked where a write is made. */
import { definePoints } from '@selvedge/documents'

// Only where noise alone makes a reading change now and then: the others are written when they change, however seldom.
const sensorAgeMs = 10 * 60_000
const temperature = { type: 'number', unit: '°C', min: -60, max: 120, maxAgeMs: sensorAgeMs } as const
const percent = { type: 'number', unit: '%', min: 0, max: 100 } as const

export const campusPoints = definePoints({
  'ahu/:ahu/outdoor-temp': { ...temperature, description: 'air outside, at the intake' },
  'ahu/:ahu/mixed-temp': { ...temperature, description: 'outdoor and return air, mixed' },
  'ahu/:ahu/supply-temp': { ...temperature, description: 'air sent to the zones' },
  'ahu/:ahu/return-temp': { ...temperature, description: 'air come back from the zones' },
  'ahu/:ahu/fan-running': { type: 'boolean' },
  'ahu/:ahu/fan-speed': percent,
  'ahu/:ahu/outdoor-damper': { ...percent, description: 'share of outdoor air' },
  'ahu/:ahu/cooling-valve': percent,
  'ahu/:ahu/heating-valve': percent,
  'ahu/:ahu/supply-setpoint': { type: 'number', unit: '°C', min: 10, max: 40 },
  'zone/:zone/temp': temperature,
  'zone/:zone/setpoint': { type: 'number', unit: '°C', min: 5, max: 35, description: 'what people ask for' },
  'zone/:zone/co2': { type: 'number', unit: 'ppm', min: 0, max: 50_000, maxAgeMs: sensorAgeMs },
  'zone/:zone/people': { type: 'number', integer: true, min: 0, max: 1_000 },
  'zone/:zone/airflow': { type: 'number', unit: 'm³/h', min: 0, max: 100_000 },
  'zone/:zone/damper': percent,
  'light/:light/level': percent,
  'light/:light/power': { type: 'number', unit: 'W', min: 0, max: 10_000 },
  'door/:door/locked': { type: 'boolean' },
  'door/:door/open': { type: 'boolean' },
  'meter/:meter/power-kw': { type: 'number', unit: 'kW', min: 0, max: 1_000_000 },
  'meter/:meter/energy-kwh': {
    type: 'counter',
    description: 'kWh used: goes on when the node that reads the meter is restarted'
  },
  'commissioning/:item': { type: 'number', description: 'what an engineer notes while commissioning' },
  'trace/:column': { type: 'number', description: 'a column of a measured trend export, replayed' }
})

export type CampusPoints = typeof campusPoints
