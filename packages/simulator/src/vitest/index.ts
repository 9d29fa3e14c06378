export { simTest, type SimTestOptions } from './sim-test.js'
