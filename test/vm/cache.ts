import { join } from 'node:path';
import { packageRoot } from '../../lib/native.js';

/** Where kernels, toolchains and what was built are kept from run to run. */
export const cacheFolder = join(packageRoot, '.cache', 'vm');
