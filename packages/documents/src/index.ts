export * from './document/index.js'
export * from './points/index.js'
export * from './table/index.js'
export * as decoders from './decoders.js'
