/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * netns.h - what each network namespace has of its own.
 */
#ifndef _TOA_NETNS_H
#define _TOA_NETNS_H

#include <linux/percpu.h>
#include <net/netns/generic.h>
#include "stats.h"

struct toa_trust;

struct toa_net {
	int				enabled;
	int				syn;		/* the saved SYN is read too */
	unsigned int			formats;	/* a set (formats.h) */
	struct toa_trust __rcu		*trust;		/* NULL: nobody */
	struct toa_stats __percpu	*stats;		/* to count in, under RCU */
	struct toa_stats __percpu	*own_stats;
	struct ctl_table_header		*sysctls;
};

extern unsigned int toa_net_id;

/*
 * NULL while the namespace is being made. net_generic() without its own RCU
 * section: ours are in one, or hold the namespace.
 */
static __always_inline struct toa_net *toa_net(const struct net *net)
{
	return rcu_dereference_raw(net->gen)->ptr[toa_net_id];
}

/*
 * Under RCU, for a namespace that dies gives its counters back a grace period
 * later; or for a program, which holds its namespace.
 */
static __always_inline void toa_count(struct toa_net *tn, enum toa_stat stat)
{
	this_cpu_inc(READ_ONCE(tn->stats)->count[stat]);
}

int toa_netns_init(void);
void toa_netns_exit(void);

#endif /* _TOA_NETNS_H */
