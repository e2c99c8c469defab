// SPDX-License-Identifier: GPL-2.0-only
/*
 * netns.c - namespaces come and go.
 */
#include "netns.h"
#include "connections.h"
#include "settings.h"
#include "store.h"

#include <linux/module.h>
#include <net/net_namespace.h>

unsigned int toa_net_id;

/* Where sockets of the kernel count that outlive us in a dying namespace. */
static struct toa_stats __percpu *lost_stats;

static int __net_init netns_init(struct net *net)
{
	struct toa_net *tn = toa_net(net);
	int err;

	tn->own_stats = alloc_percpu(struct toa_stats);
	if (!tn->own_stats)
		return -ENOMEM;
	tn->stats = tn->own_stats;

	err = toa_settings_create(net);
	if (err)
		goto free_stats;
	err = toa_stats_proc_create(net);
	if (err)
		goto destroy_settings;
	err = toa_connections_proc_create(net);
	if (err)
		goto remove_stats;
	return 0;

remove_stats:
	toa_stats_proc_remove(net);
destroy_settings:
	toa_settings_destroy(net);
free_stats:
	free_percpu(tn->own_stats);
	return err;
}

/* The core waits a grace period between this and netns_exit. */
static void __net_exit netns_pre_exit(struct net *net)
{
	struct toa_net *tn = toa_net(net);

	WRITE_ONCE(tn->enabled, 0);
	WRITE_ONCE(tn->stats, lost_stats);
}

static void __net_exit netns_exit(struct net *net)
{
	toa_connections_proc_remove(net);
	toa_stats_proc_remove(net);
	toa_settings_destroy(net);
	toa_store_forget_net(net);
	free_percpu(toa_net(net)->own_stats);
}

static struct pernet_operations toa_netns_operations = {
	.init		= netns_init,
	.pre_exit	= netns_pre_exit,
	.exit		= netns_exit,
	.id		= &toa_net_id,
	.size		= sizeof(struct toa_net),
};

int __init toa_netns_init(void)
{
	int err;

	lost_stats = alloc_percpu(struct toa_stats);
	if (!lost_stats)
		return -ENOMEM;
	err = register_pernet_subsys(&toa_netns_operations);
	if (err)
		free_percpu(lost_stats);
	return err;
}

void toa_netns_exit(void)
{
	unregister_pernet_subsys(&toa_netns_operations);
	free_percpu(lost_stats);
}
