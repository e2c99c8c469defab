// SPDX-License-Identifier: GPL-2.0-only
/*
 * connections.c - /proc/net/toa_connections, a line for each live connection:
 *
 *   client peer local vip vpc kind/length found-on
 *
 * A dash where the option did not say. For root only, since it tells who is
 * connected. Connections that come or go during a read may be missed.
 */
#include "connections.h"
#include "store.h"
#include "uapi/toa.h"

#include <linux/proc_fs.h>
#include <linux/seq_file.h>
#include <linux/seq_file_net.h>

/* A position is the number of a bucket. */
static void *start(struct seq_file *seq, loff_t *position)
	__acquires(RCU)
{
	rcu_read_lock();
	return *position < ARRAY_SIZE(toa_store_by_socket) ? position : NULL;
}

static void *next(struct seq_file *seq, void *v, loff_t *position)
{
	return ++*position < ARRAY_SIZE(toa_store_by_socket) ? position : NULL;
}

static void stop(struct seq_file *seq, void *v)
	__releases(RCU)
{
	rcu_read_unlock();
}

static void show_v6(struct seq_file *seq, const struct in6_addr *address, __be16 port)
{
	if (ipv6_addr_v4mapped(address))
		seq_printf(seq, "%pI4:%u", &address->s6_addr32[3], ntohs(port));
	else
		seq_printf(seq, "[%pI6c]:%u", address, ntohs(port));
}

static void show_address(struct seq_file *seq, const struct toa_address *address)
{
	unsigned int port = address->port[0] << 8 | address->port[1];

	if (address->family == 4)
		seq_printf(seq, "%pI4:%u", address->bytes, port);
	else if (address->family == 6)
		seq_printf(seq, "[%pI6c]:%u", address->bytes, port);
	else
		seq_putc(seq, '-');
}

static void show_entry(struct seq_file *seq, const struct toa_entry *entry)
{
	const struct toa_option *option = &entry->option;

	show_address(seq, &option->client);
	seq_putc(seq, ' ');
	show_v6(seq, &entry->peer, entry->peer_port);
	seq_putc(seq, ' ');
	show_v6(seq, &entry->local, entry->local_port);
	seq_putc(seq, ' ');
	show_address(seq, &option->vip);
	if (option->has_vpc)
		seq_printf(seq, " %u", option->vpc_id);
	else
		seq_puts(seq, " -");
	seq_printf(seq, " %u/%u %s\n", option->kind, option->length,
		   entry->flags & TOA_FOUND_ON_SYN ? "syn" :
		   entry->flags & TOA_FOUND_ON_ACK ? "ack" : "data");
}

static int show(struct seq_file *seq, void *v)
{
	const struct net *net = seq_file_net(seq);
	const struct toa_entry *entry;
	loff_t bucket = *(loff_t *)v;

	hlist_for_each_entry_rcu(entry, &toa_store_by_socket[bucket], by_socket)
		if (entry->net == net)
			show_entry(seq, entry);
	return 0;
}

static const struct seq_operations operations = {
	.start	= start,
	.next	= next,
	.stop	= stop,
	.show	= show,
};

int toa_connections_proc_create(struct net *net)
{
	return proc_create_net("toa_connections", 0400, net->proc_net, &operations,
			       sizeof(struct seq_net_private)) ? 0 : -ENOMEM;
}

void toa_connections_proc_remove(struct net *net)
{
	remove_proc_entry("toa_connections", net->proc_net);
}
