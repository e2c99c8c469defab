/*
 * churn DEVICE WIRE_MAC SERVER_MAC PORT COUNT all|either [twice]
 *
 * Opens COUNT connections to 10.9.0.1:PORT from the wire, each with a client of
 * its own in the option of its ACK, accepts them, compares, and ends them in
 * five ways. "all": each has to show its client; "either": its client or its
 * peer, as while the module comes and goes. "twice": two processors send each
 * ACK, at the same moment as far as they can. A line of JSON at the end.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <net/if.h>
#include <netinet/in.h>
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum { BATCH = 64, FIN = 1, SYN = 2, RST = 4, PSH = 8, ACK = 16 };
enum ending { CLIENT_RESETS_EARLY, CLIENT_RESETS, SERVER_RESETS, CLIENT_ENDS, SERVER_ENDS, ENDINGS };

struct connection {
	uint32_t number, seq, ack;
	int open;
};

static int wire, listener;
static unsigned char macs[2][6]; /* of the server, of the wire */
static uint16_t server_port;
static unsigned long shown_client, shown_peer, gone, wrong;
static char first_wrong[200];
static int either, twice;

/* The frame that the other processor is to send, and how many it was given and has sent. */
static struct {
	unsigned char bytes[200];
	size_t length;
	unsigned int given, sent;
} other;

static void die(const char *what)
{
	perror(what);
	exit(2);
}

static uint32_t client_of(uint32_t number) { return 0xc6120000u + (number & 0x1ffff); } /* 198.18.0.0/15 */
static uint16_t client_port(uint32_t number) { return 1 + number % 65521; }
static uint32_t peer_of(uint32_t number) { return 0x0a090101u + number / 60000; } /* 10.9.1.1 and on */
static uint16_t peer_port(uint32_t number) { return 2000 + number % 60000; }
static enum ending ending_of(const struct connection *one) { return one->number % ENDINGS; }

static uint32_t sum16(const unsigned char *bytes, size_t length, uint32_t sum)
{
	for (size_t i = 0; i + 1 < length; i += 2)
		sum += bytes[i] << 8 | bytes[i + 1];
	return length & 1 ? sum + (bytes[length - 1] << 8) : sum;
}

static uint16_t fold(uint32_t sum)
{
	while (sum >> 16)
		sum = (sum & 0xffff) + (sum >> 16);
	return ~sum;
}

static void put16(unsigned char *at, uint16_t value) { at[0] = value >> 8; at[1] = value; }
static void put32(unsigned char *at, uint32_t value) { put16(at, value >> 16); put16(at + 2, value); }
static uint32_t get32(const unsigned char *at) { return (uint32_t)at[0] << 24 | at[1] << 16 | at[2] << 8 | at[3]; }
static uint16_t get16(const unsigned char *at) { return at[0] << 8 | at[1]; }

static void use_processor(int number)
{
	cpu_set_t set;

	CPU_ZERO(&set);
	CPU_SET(number, &set);
	sched_setaffinity(0, sizeof(set), &set);
}

static void *send_again(void *nothing)
{
	(void)nothing;
	use_processor(1);
	for (unsigned int next = 1;; next++) {
		while (__atomic_load_n(&other.given, __ATOMIC_ACQUIRE) != next)
			;
		if (write(wire, other.bytes, other.length) < 0 && errno != ENOBUFS)
			die("send");
		__atomic_store_n(&other.sent, next, __ATOMIC_RELEASE);
	}
	return NULL;
}

static void transmit(const unsigned char *frame, size_t length, int again)
{
	if (again) {
		memcpy(other.bytes, frame, length);
		other.length = length;
		__atomic_add_fetch(&other.given, 1, __ATOMIC_RELEASE);
	}
	if (write(wire, frame, length) < 0 && errno != ENOBUFS)
		die("send");
	while (again && __atomic_load_n(&other.sent, __ATOMIC_ACQUIRE) != other.given)
		;
}

static void send_segment(struct connection *one, int flags, int with_option, const void *data, size_t length)
{
	unsigned char frame[200] = { 0 }, *ip = frame + 14, *tcp = ip + 20;
	size_t header = with_option ? 28 : 20;

	memcpy(frame, macs, 12);
	put16(frame + 12, ETH_P_IP);
	ip[0] = 0x45;
	put16(ip + 2, 20 + header + length);
	ip[8] = 64;
	ip[9] = IPPROTO_TCP;
	put32(ip + 12, peer_of(one->number));
	put32(ip + 16, 0x0a090001);
	put16(ip + 10, fold(sum16(ip, 20, 0)));
	put16(tcp, peer_port(one->number));
	put16(tcp + 2, server_port);
	put32(tcp + 4, one->seq);
	put32(tcp + 8, flags & ACK ? one->ack : 0);
	tcp[12] = header / 4 << 4;
	tcp[13] = flags;
	put16(tcp + 14, 65535);
	if (with_option) {
		tcp[20] = 254;
		tcp[21] = 8;
		put16(tcp + 22, client_port(one->number));
		put32(tcp + 24, client_of(one->number));
	}
	memcpy(tcp + header, data, length);
	put16(tcp + 16, fold(sum16(tcp, header + length, sum16(ip + 12, 8, IPPROTO_TCP + header + length))));
	transmit(frame, 34 + header + length, twice && flags == ACK);
	one->seq += length + !!(flags & (SYN | FIN));
}

/* Takes SYN-ACKs and answers them; drops everything else. Returns how many connections became open. */
static int take_answers(struct connection *batch, int count)
{
	unsigned char frame[2048];
	ssize_t length;
	int opened = 0;

	while ((length = read(wire, frame, sizeof(frame))) > 0) {
		const unsigned char *ip = frame + 14, *tcp = ip + 20;

		if (length < 54 || get16(frame + 12) != ETH_P_IP || (tcp[13] & (SYN | ACK | RST)) != (SYN | ACK))
			continue;
		for (int i = 0; i < count; i++) {
			struct connection *one = &batch[i];

			if (one->open || peer_port(one->number) != get16(tcp + 2) || get32(tcp + 8) != one->seq)
				continue;
			one->ack = get32(tcp + 4) + 1;
			one->open = 1;
			opened++;
			send_segment(one, ACK, 1, NULL, 0);
			send_segment(one, ACK | PSH, 1, &one->number, sizeof(one->number));
			if (ending_of(one) == CLIENT_RESETS_EARLY)
				send_segment(one, RST | ACK, 0, NULL, 0);
		}
	}
	return opened;
}

static void open_all(struct connection *batch, int count)
{
	int open = 0;

	for (int tries = 0; open < count; tries++) {
		struct pollfd ready = { .fd = wire, .events = POLLIN };

		if (tries == 200)
			errno = ETIMEDOUT, die("handshake");
		for (int i = 0; i < count && tries % 20 == 0; i++)
			if (!batch[i].open) {
				batch[i].seq = 1000;
				send_segment(&batch[i], SYN, 0, NULL, 0);
			}
		poll(&ready, 1, 50);
		open += take_answers(batch, count);
	}
}

/* Which of its two names a connection shows: 1 its client, 0 its peer, -1 neither. */
static int name_of(uint32_t number, const struct sockaddr_in *name)
{
	uint32_t address = ntohl(name->sin_addr.s_addr);
	uint16_t port = ntohs(name->sin_port);

	if (address == client_of(number) && port == client_port(number))
		return 1;
	return address == peer_of(number) && port == peer_port(number) ? 0 : -1;
}

static void complain(const char *what, const struct sockaddr_in *name, uint32_t number)
{
	char text[INET_ADDRSTRLEN];

	if (wrong++ == 0)
		snprintf(first_wrong, sizeof(first_wrong), "connection %u: %s says %s:%u", number, what,
			 inet_ntop(AF_INET, &name->sin_addr, text, sizeof(text)), ntohs(name->sin_port));
}

static void compare(int fd, const struct sockaddr_in *accepted, uint32_t number)
{
	struct sockaddr_in name = { 0 };
	socklen_t length = sizeof(name);
	int first = name_of(number, accepted), second;

	if (getpeername(fd, (struct sockaddr *)&name, &length) < 0)
		second = first; /* ENOTCONN: gone in the meantime */
	else
		second = name_of(number, &name);
	if (first < 0 || (first == 0 && !either))
		complain("accept", accepted, number);
	else if (second < 0 || (second == 0 && !either))
		complain("getpeername", &name, number);
	else if (first)
		shown_client++;
	else
		shown_peer++;
}

static void accept_one(struct connection *batch, int count)
{
	struct sockaddr_in accepted = { 0 };
	struct linger reset = { .l_onoff = 1 };
	socklen_t length = sizeof(accepted);
	struct pollfd ready = { .fd = listener, .events = POLLIN };
	struct connection *one = NULL;
	uint32_t number;
	int fd;

	if (poll(&ready, 1, 20000) != 1)
		errno = ETIMEDOUT, die("accept");
	fd = accept(listener, (struct sockaddr *)&accepted, &length);
	if (fd < 0)
		die("accept");
	ready.fd = fd;
	poll(&ready, 1, 20000);
	if (read(fd, &number, sizeof(number)) == sizeof(number)) {
		compare(fd, &accepted, number);
		for (int i = 0; i < count; i++)
			if (batch[i].number == number)
				one = &batch[i];
	} else {
		/* Reset before it was read: it must be one of those that had to be. */
		int known = 0;

		for (int i = 0; i < count; i++)
			if (ending_of(&batch[i]) == CLIENT_RESETS_EARLY && name_of(batch[i].number, &accepted) >= !either)
				known = 1;
		if (known)
			gone++;
		else
			complain("accept of a reset connection", &accepted, 0);
	}
	if (one && ending_of(one) == CLIENT_RESETS)
		send_segment(one, RST | ACK, 0, NULL, 0);
	if (one && ending_of(one) == CLIENT_ENDS)
		send_segment(one, FIN | ACK, 0, NULL, 0);
	if (!one || ending_of(one) == SERVER_RESETS)
		setsockopt(fd, SOL_SOCKET, SO_LINGER, &reset, sizeof(reset));
	close(fd);
	if (one && (ending_of(one) == SERVER_ENDS || ending_of(one) == CLIENT_ENDS)) {
		one->ack++; /* its FIN */
		send_segment(one, RST | ACK, 0, NULL, 0);
	}
}

static void set_up(char **arguments)
{
	struct sockaddr_ll place = { .sll_family = AF_PACKET, .sll_protocol = htons(ETH_P_IP) };
	struct sockaddr_in name = { .sin_family = AF_INET };
	int size = 8 << 20, on = 1;

	for (int i = 0; i < 2; i++) {
		unsigned char *mac = macs[1 - i];

		sscanf(arguments[2 + i], "%hhx:%hhx:%hhx:%hhx:%hhx:%hhx", mac, mac + 1, mac + 2, mac + 3, mac + 4, mac + 5);
	}
	server_port = atoi(arguments[4]);
	wire = socket(AF_PACKET, SOCK_RAW | SOCK_NONBLOCK, 0);
	place.sll_ifindex = if_nametoindex(arguments[1]);
	setsockopt(wire, SOL_SOCKET, SO_RCVBUFFORCE, &size, sizeof(size));
	setsockopt(wire, SOL_PACKET, PACKET_IGNORE_OUTGOING, &on, sizeof(on));
	if (wire < 0 || bind(wire, (struct sockaddr *)&place, sizeof(place)) < 0)
		die(arguments[1]);
	listener = socket(AF_INET, SOCK_STREAM, 0);
	setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
	name.sin_addr.s_addr = htonl(0x0a090001);
	name.sin_port = htons(server_port);
	if (bind(listener, (struct sockaddr *)&name, sizeof(name)) < 0 || listen(listener, 1024) < 0)
		die("listen");
}

int main(int count, char **arguments)
{
	uint32_t total, number = 0;

	if (count < 7) {
		fprintf(stderr, "churn DEVICE WIRE_MAC SERVER_MAC PORT COUNT all|either [twice]\n");
		return 2;
	}
	set_up(arguments);
	total = atoi(arguments[5]);
	either = strcmp(arguments[6], "either") == 0;
	twice = count > 7;
	if (twice) {
		pthread_t sender;

		use_processor(0);
		pthread_create(&sender, NULL, send_again, NULL);
	}
	while (number < total) {
		struct connection batch[BATCH] = { 0 };
		int size = 0;

		for (; size < BATCH && number < total; size++)
			batch[size].number = number++;
		open_all(batch, size);
		for (int i = 0; i < size; i++)
			accept_one(batch, size);
	}
	printf("{\"connections\":%u,\"client\":%lu,\"peer\":%lu,\"gone\":%lu,\"wrong\":%lu,\"first\":\"%s\"}\n", total,
	       shown_client, shown_peer, gone, wrong, first_wrong);
	return wrong != 0;
}
