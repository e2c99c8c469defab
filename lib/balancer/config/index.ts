export type {
  Change,
  Difference,
  ListDifference,
  RealServerDifference,
  ServiceDifference,
} from './difference.js';
export type { Fault } from './faults.js';
export * from './model.js';
export { type Validation, validateConfig } from './validate.js';
