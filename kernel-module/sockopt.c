// SPDX-License-Identifier: GPL-2.0-only
/*
 * sockopt.c - the socket options of uapi/toa.h.
 *
 * Each writes one structure, zeroed first, so that no byte of the kernel's
 * stack leaves with the padding.
 */
#include "sockopt.h"
#include "netns.h"
#include "store.h"
#include "uapi/toa.h"

#include <linux/module.h>
#include <linux/netfilter.h>
#include <linux/uaccess.h>
#include <net/ipv6.h>
#include <net/tcp_states.h>

static bool is_connected(const struct sock *sk)
{
	return inet_sk(sk)->inet_dport &&
	       !((1 << sk->sk_state) & (TCPF_CLOSE | TCPF_SYN_SENT | TCPF_LISTEN));
}

static int give(void __user *user, int *length, const void *answer, int size)
{
	if (copy_to_user(user, answer, size))
		return -EFAULT;
	*length = size;
	return 0;
}

static int address_family(const struct toa_address *address)
{
	return address->family == 4 ? AF_INET : AF_INET6;
}

static void fill_endpoint(struct toa_endpoint *endpoint, const struct toa_address *address)
{
	if (address->family)
		endpoint->family = address_family(address);
	memcpy(&endpoint->port, address->port, sizeof(endpoint->port));
	memcpy(endpoint->address, address->bytes, sizeof(endpoint->address));
}

static void fill_peer(struct toa_endpoint *endpoint, const struct toa_entry *entry)
{
	endpoint->port = entry->peer_port;
	if (ipv6_addr_v4mapped(&entry->peer)) {
		endpoint->family = AF_INET;
		memcpy(endpoint->address, &entry->peer.s6_addr32[3], 4);
	} else {
		endpoint->family = AF_INET6;
		memcpy(endpoint->address, &entry->peer, 16);
	}
}

static bool is_nat64(const struct sock *sk, const struct toa_entry *entry)
{
	return sk->sk_family == AF_INET && entry->option.client.family == 6;
}

/* What is known of a connection, copied out of the section of RCU; false where that is nothing. */
static bool recall(const struct sock *sk, struct toa_entry *copy)
{
	const struct toa_entry *entry;

	rcu_read_lock();
	entry = toa_store_find(sk);
	if (entry)
		*copy = *entry;
	rcu_read_unlock();
	return entry != NULL;
}

static int get_record(struct sock *sk, void __user *user, int *length)
{
	struct toa_record record = { .size = sizeof(record), .version = TOA_RECORD_VERSION };
	struct toa_entry entry;

	if (*length < 8)
		return -EINVAL;
	if (!is_connected(sk))
		return -ENOTCONN;
	if (!recall(sk, &entry))
		return -ESRCH;

	record.flags = entry.flags;
	if (entry.option.vip.family)
		record.flags |= TOA_HAS_VIP;
	if (is_nat64(sk, &entry))
		record.flags |= TOA_NAT64;
	record.kind = entry.option.kind;
	record.length = entry.option.length;
	fill_endpoint(&record.client, &entry.option.client);
	fill_endpoint(&record.vip, &entry.option.vip);
	fill_peer(&record.peer, &entry);
	record.vpc_id = entry.option.vpc_id;
	toa_count(toa_net(sock_net(sk)), TOA_STAT_RECORD_READ);

	return give(user, length, &record, min_t(int, *length, sizeof(record)));
}

static int get_nat64_peer(struct sock *sk, void __user *user, int *length)
{
	struct toa_nat64_peer peer = {};
	struct toa_entry entry;

	if (*length < (int)sizeof(peer))
		return -EINVAL;
	if (!is_connected(sk))
		return -ENOTCONN;
	if (!recall(sk, &entry))
		return -EINVAL;
	if (!is_nat64(sk, &entry))
		return -EFAULT;

	memcpy(peer.saddr, entry.option.client.bytes, sizeof(peer.saddr));
	memcpy(&peer.port, entry.option.client.port, sizeof(peer.port));
	return give(user, length, &peer, sizeof(peer));
}

static int get_vip(struct sock *sk, void __user *user, int *length)
{
	struct toa_vip_data vip = {};
	struct toa_entry entry;

	if (*length < (int)sizeof(vip))
		return -EINVAL;
	if (!is_connected(sk))
		return -ENOTCONN;
	if (!recall(sk, &entry) || !entry.option.vip.family)
		return -EINVAL;

	vip.family = address_family(&entry.option.vip);
	memcpy(&vip.ip, entry.option.vip.bytes, sizeof(vip.ip));
	memcpy(&vip.port, entry.option.vip.port, sizeof(vip.port));
	return give(user, length, &vip, sizeof(vip));
}

static int find_vs(const struct sock *sk, struct vtoa_vs *vs)
{
	struct toa_entry entry;

	if (!recall(sk, &entry) || entry.option.vip.family != 4)
		return -ESRCH;

	vs->vid = entry.option.vpc_id;
	memcpy(&vs->vaddr, entry.option.vip.bytes, sizeof(vs->vaddr));
	memcpy(&vs->vport, entry.option.vip.port, sizeof(vs->vport));
	return 0;
}

static int get_vs(struct sock *sk, void __user *user, int *length)
{
	struct vtoa_vs vs = {};
	int err;

	if (*length < (int)sizeof(vs))
		return -EINVAL;
	err = find_vs(sk, &vs);
	return err ?: give(user, length, &vs, sizeof(vs));
}

/*
 * Programs fill in the addresses that getpeername() and getsockname() gave them
 * for this very socket. Like the receivers before us we do not look at them.
 */
static int get_vs4rds(struct sock *sk, void __user *user, int *length)
{
	struct vtoa_get_vs4rds __user *question = user;
	struct vtoa_vs vs = {};
	int err;

	if (*length != sizeof(*question))
		return -EINVAL;
	err = find_vs(sk, &vs);
	if (err)
		return err;
	return copy_to_user(&question->toa_vs, &vs, sizeof(vs)) ? -EFAULT : 0;
}

static int get_hybrid_vs(struct sock *sk, void __user *user, int *length)
{
	struct hybrid_vtoa_vs vs = {};
	struct toa_entry entry;

	if (*length < (int)sizeof(vs))
		return -EINVAL;
	if (!recall(sk, &entry) || !entry.option.vip.family)
		return -ESRCH;

	vs.af = address_family(&entry.option.vip);
	vs.vid = entry.option.vpc_id;
	if (vs.af == AF_INET6 && !entry.option.has_vpc)
		vs.vid = HYBRID_VTOA_VID_UNKNOWN;
	memcpy(&vs.vaddr, entry.option.vip.bytes, sizeof(vs.vaddr));
	memcpy(&vs.vport, entry.option.vip.port, sizeof(vs.vport));
	return give(user, length, &vs, sizeof(vs));
}

static int get(struct sock *sk, int option, void __user *user, int *length)
{
	switch (option) {
	case TOA_SO_GET_RECORD:
		return get_record(sk, user, length);
	case TOA_SO_GET_LOOKUP:
		return get_nat64_peer(sk, user, length);
	case TOA_VIP_SO_GET_LOOKUP:
		return get_vip(sk, user, length);
	case VTOA_SO_GET_VS:
		return get_vs(sk, user, length);
	case VTOA_SO_GET_VS4RDS:
		return get_vs4rds(sk, user, length);
	case HYBRID_VTOA_SO_GET_VS:
		return get_hybrid_vs(sk, user, length);
	}
	return -ENOPROTOOPT;
}

#define OPTIONS(_pf, first, last) {					\
	.pf = _pf, .get_optmin = first, .get_optmax = (last) + 1,	\
	.get = get, .owner = THIS_MODULE,				\
}

static struct nf_sockopt_ops options[] = {
	OPTIONS(PF_INET, TOA_SO_GET_LOOKUP, TOA_VIP_SO_GET_LOOKUP),
	OPTIONS(PF_INET, VTOA_SO_GET_VS, HYBRID_VTOA_SO_GET_VS),
	OPTIONS(PF_INET, TOA_SO_GET_RECORD, TOA_SO_GET_RECORD),
	OPTIONS(PF_INET6, HYBRID_VTOA_SO_GET_VS, HYBRID_VTOA_SO_GET_VS),
};

static void unregister(unsigned int count)
{
	while (count--)
		nf_unregister_sockopt(&options[count]);
}

int __init toa_sockopt_init(void)
{
	unsigned int i;
	int err;

	for (i = 0; i < ARRAY_SIZE(options); i++) {
		err = nf_register_sockopt(&options[i]);
		if (err) {
			pr_err("toa: socket option %d is taken: another toa module is loaded\n",
			       options[i].get_optmin);
			unregister(i);
			return err;
		}
	}
	return 0;
}

void toa_sockopt_exit(void)
{
	unregister(ARRAY_SIZE(options));
}
