// SPDX-License-Identifier: GPL-2.0-only
/*
 * stats.c - /proc/net/toa_stats, in the layout that monitoring agents parse.
 */
#include "stats.h"
#include "netns.h"

#include <linux/cpumask.h>
#include <linux/proc_fs.h>
#include <linux/seq_file.h>

static const char *const names[TOA_STAT_COUNT] = {
#define X(name, text) text,
	TOA_STATS(X)
#undef X
};

static int show(struct seq_file *seq, void *v)
{
	struct toa_net *tn = toa_net(seq_file_single_net(seq));
	unsigned int i;
	int cpu;

	seq_printf(seq, "%34s", "");
	for_each_online_cpu(cpu)
		seq_printf(seq, "CPU%d       ", cpu);
	seq_putc(seq, '\n');

	for (i = 0; i < TOA_STAT_COUNT; i++) {
		seq_printf(seq, "%-25s:", names[i]);
		for_each_online_cpu(cpu)
			seq_printf(seq, "%10lu ",
				   per_cpu_ptr(tn->own_stats, cpu)->count[i]);
		seq_putc(seq, '\n');
	}
	return 0;
}

int toa_stats_proc_create(struct net *net)
{
	return proc_create_net_single("toa_stats", 0444, net->proc_net, show,
				      NULL) ? 0 : -ENOMEM;
}

void toa_stats_proc_remove(struct net *net)
{
	remove_proc_entry("toa_stats", net->proc_net);
}
