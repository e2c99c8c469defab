/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef _TOA_CONNECTIONS_H
#define _TOA_CONNECTIONS_H

struct net;

int toa_connections_proc_create(struct net *net);
void toa_connections_proc_remove(struct net *net);

#endif /* _TOA_CONNECTIONS_H */
