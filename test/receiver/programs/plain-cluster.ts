// Knows nothing of toakit: a primary and a worker that does as plain-server.ts.
import cluster from 'node:cluster';

if (cluster.isPrimary) cluster.fork();
else await import('./plain-server.js');
