/*
 * forwarder FRONT CLIENT_MAC FRONT_MAC BACK SERVER_MAC BACK_MAC
 *
 * Every frame of FRONT goes out on BACK and the other way round, with the MAC addresses that make it welcome there: what C can
 * do with the packet I/O that the kernel offers every program (recvmmsg, sendmmsg, PACKET_VNET_HDR), and no more.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <linux/virtio_net.h>
#include <net/if.h>
#include <netinet/ether.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>

#ifndef PACKET_IGNORE_OUTGOING
#define PACKET_IGNORE_OUTGOING 23
#endif

enum { BATCH = 64, ROUNDS = 8, CAPACITY = 66 << 10, BUFFER = 16 << 20, VNET = sizeof(struct virtio_net_hdr) };

struct link {
	int fd;
	struct link *other;
	/* What frames that leave by it are addressed to, and come from. */
	struct ether_addr neighbor, own;
};

static char arena[BATCH][CAPACITY];
static struct iovec room[BATCH];
static struct mmsghdr frames[BATCH];

static void fail(const char *what)
{
	perror(what);
	exit(1);
}

static void set(int fd, int level, int name, int value)
{
	if (setsockopt(fd, level, name, &value, sizeof(value)))
		fail("setsockopt");
}

static struct ether_addr address_of(const char *text)
{
	const struct ether_addr *address = ether_aton(text);

	if (!address) {
		fprintf(stderr, "%s is no MAC address\n", text);
		exit(2);
	}
	return *address;
}

static struct link open_link(const char *device, const char *neighbor, const char *own)
{
	struct sockaddr_ll address = { .sll_family = AF_PACKET, .sll_protocol = htons(ETH_P_ALL) };
	struct link link = { .neighbor = address_of(neighbor), .own = address_of(own) };

	address.sll_ifindex = (int)if_nametoindex(device);
	if (!address.sll_ifindex)
		fail(device);
	link.fd = socket(AF_PACKET, SOCK_RAW | SOCK_NONBLOCK, 0);
	if (link.fd < 0)
		fail("socket");
	set(link.fd, SOL_SOCKET, SO_RCVBUFFORCE, BUFFER);
	set(link.fd, SOL_SOCKET, SO_SNDBUFFORCE, BUFFER);
	set(link.fd, SOL_PACKET, PACKET_VNET_HDR, 1);
	set(link.fd, SOL_PACKET, PACKET_IGNORE_OUTGOING, 1);
	if (bind(link.fd, (struct sockaddr *)&address, sizeof(address)))
		fail(device);
	return link;
}

static void send_all(int fd, int count)
{
	for (int done = 0; done < count;) {
		const int sent = sendmmsg(fd, frames + done, (unsigned int)(count - done), MSG_DONTWAIT);

		if (sent < 0 && errno == EAGAIN)
			return;
		done += sent < 0 ? 1 : sent;
	}
}

static int forward(struct link *from)
{
	const struct link *to = from->other;
	int count;

	for (int i = 0; i < BATCH; i++)
		room[i] = (struct iovec){ arena[i], CAPACITY };
	count = recvmmsg(from->fd, frames, BATCH, MSG_DONTWAIT, NULL);
	for (int i = 0; i < count; i++) {
		struct ethhdr *header = (struct ethhdr *)(arena[i] + VNET);

		memcpy(header->h_dest, &to->neighbor, ETH_ALEN);
		memcpy(header->h_source, &to->own, ETH_ALEN);
		room[i].iov_len = frames[i].msg_len;
	}
	send_all(to->fd, count);
	return count;
}

int main(int count, char **arguments)
{
	struct link links[2];
	const int events = epoll_create1(0);

	if (count != 7) {
		fprintf(stderr, "%s: wanted two times DEVICE NEIGHBOR_MAC OWN_MAC\n", arguments[0]);
		return 2;
	}
	for (int i = 0; i < BATCH; i++)
		frames[i].msg_hdr = (struct msghdr){ .msg_iov = room + i, .msg_iovlen = 1 };
	for (int i = 0; i < 2; i++) {
		struct epoll_event readable = { .events = EPOLLIN, .data.ptr = links + i };

		links[i] = open_link(arguments[1 + 3 * i], arguments[2 + 3 * i], arguments[3 + 3 * i]);
		links[i].other = links + 1 - i;
		if (epoll_ctl(events, EPOLL_CTL_ADD, links[i].fd, &readable))
			fail("epoll_ctl");
	}
	puts("forwarding");
	fflush(stdout);
	for (;;) {
		struct epoll_event ready[2];
		const int woken = epoll_wait(events, ready, 2, -1);

		for (int i = 0; i < woken; i++)
			for (int round = 0; round < ROUNDS; round++)
				if (forward(ready[i].data.ptr) < BATCH)
					break;
	}
}
