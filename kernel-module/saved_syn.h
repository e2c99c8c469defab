/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef _TOA_SAVED_SYN_H
#define _TOA_SAVED_SYN_H

#include "parse.h"

struct net;
struct sock;

void toa_saved_syn_arm(struct sock *listener);
void toa_saved_syn_arm_all(struct net *net);
void toa_saved_syn_disarm_all(struct net *net);
void toa_saved_syn_find(const struct sock *child, unsigned int formats,
			struct toa_finding *finding);
void toa_saved_syn_drop(struct sock *child);

#endif /* _TOA_SAVED_SYN_H */
