/** Whether a kernel, by its release such as `6.1.0-56-amd64`, is older than a version. */
export function isOlder(release: string, [wantedMajor, wantedMinor]: readonly [number, number]): boolean {
  const [major = 0, minor = 0] = release.split('.').map(Number.parseFloat);
  return major < wantedMajor || (major === wantedMajor && minor < wantedMinor);
}
