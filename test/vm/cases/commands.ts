/**
 * Why a case that is about our commands is left out on an emulated kind of machine, where each start of one takes ten seconds. The
 * module has all its cases there.
 */
export function exceptEmulated(): string | undefined {
  return process.arch === 'x64' ? undefined : 'the commands are the same on every kind of machine';
}
