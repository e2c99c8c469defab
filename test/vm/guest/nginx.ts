import { writeFileSync } from 'node:fs';
import { join } from 'node:path';

/**
 * Writes a configuration of nginx into the folder, and answers its path: one process, servers on these `listen` lines, an
 * access log with a line `ADDRESS:PORT STATUS` for each request.
 */
export function nginxConfiguration(folder: string, listens: readonly string[]): string {
  const path = join(folder, 'nginx.conf');
  const paths = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi'].map(
    (name) => `${name}_temp_path ${join(folder, name)};`,
  );
  writeFileSync(
    path,
    `daemon off;
master_process off;
user root;
pid ${join(folder, 'pid')};
error_log ${join(folder, 'error.log')};
events { worker_connections 1000; }
http {
  ${paths.join('\n  ')}
  log_format client '$client $status';
  map $remote_addr $client {
    ~: '[$remote_addr]:$remote_port';
    default '$remote_addr:$remote_port';
  }
  access_log ${join(folder, 'access.log')} client;
  server {
    ${listens.map((words) => `listen ${words};`).join('\n    ')}
    location / { return 200 'hello'; }
  }
}
`,
  );
  return path;
}
