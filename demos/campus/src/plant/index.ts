export { loopsOfWing, type ControlLoop, type ReadPoint } from './control-loop.js'
export { driverShare, type DriverShare } from './driver-share.js'
export {
  pointsOfWing,
  wingLayouts,
  type PlantPoint,
  type PointRole,
  type PointScalar,
  type PointUpdate,
  type WingLayout
} from './layout.js'
export { Plant, type CommandResult, type PlantOptions } from './plant.js'
export { campusPoints, type CampusPoints } from './points.js'
