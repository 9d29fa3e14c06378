/** The same building with the first version of the service: `selvedge sim run simulations/services/forgetful-lights.ts` finds the bug. */
import { occupancyLights } from '../occupancy-lights.js'
import { ForgetfulLights } from './occupancy-lights.js'

export default occupancyLights
  .named('lights forget people')
  .shows('A service that reads a number and writes it back loses people in a partition, and the simulation says who.')
  .service('lights', ({ site }) => new ForgetfulLights(site))
