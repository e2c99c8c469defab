import type { SchedulerName } from '../../config/model.js';
import { RoundRobin } from './round-robin.js';
import type { Scheduler, SchedulerOptions } from './scheduler.js';

/** Every scheduler by its name in ipvsadm: a new one is a file and a line here. */
export const SCHEDULERS: Readonly<Record<SchedulerName, new (options: SchedulerOptions) => Scheduler>> = {
  rr: RoundRobin,
};
