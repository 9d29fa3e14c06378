export * from './row.js'
export * from './sample.js'
