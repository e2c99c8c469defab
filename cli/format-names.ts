import type { FormatName } from '../lib/toa/index.js';

/** Formats as a command line or a setting names them: default, all, or names with commas between. What is no name is refused later. */
export function formatNames(text: string): FormatName[] | 'default' | 'all' {
  return text === 'default' || text === 'all' ? text : (text.split(',') as FormatName[]);
}
