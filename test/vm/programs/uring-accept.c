/* uring-accept PORT: accepts one connection by io_uring, without a library, and prints the address that it got. */
#include <arpa/inet.h>
#include <linux/io_uring.h>
#include <netinet/in.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

int main(int count, char **arguments)
{
	struct io_uring_params parameters = { 0 };
	struct sockaddr_in own = { .sin_family = AF_INET, .sin_port = htons(count > 1 ? atoi(arguments[1]) : 0) }, name = { 0 };
	socklen_t length = sizeof(name);
	int listener = socket(AF_INET, SOCK_STREAM, 0), ring = syscall(SYS_io_uring_setup, 4, &parameters);
	struct io_uring_sqe *entries;
	struct io_uring_cqe *done;
	unsigned char *submitted, *completed;
	char text[INET_ADDRSTRLEN];

	setlinebuf(stdout);
	if (ring < 0 || bind(listener, (struct sockaddr *)&own, sizeof(own)) < 0 || listen(listener, 10) < 0)
		return 1;
	submitted = mmap(NULL, parameters.sq_off.array + parameters.sq_entries * 4, PROT_READ | PROT_WRITE, MAP_SHARED, ring,
			 IORING_OFF_SQ_RING);
	completed = mmap(NULL, parameters.cq_off.cqes + parameters.cq_entries * sizeof(*done), PROT_READ | PROT_WRITE,
			 MAP_SHARED, ring, IORING_OFF_CQ_RING);
	entries = mmap(NULL, parameters.sq_entries * sizeof(*entries), PROT_READ | PROT_WRITE, MAP_SHARED, ring, IORING_OFF_SQES);
	if (submitted == MAP_FAILED || completed == MAP_FAILED || entries == MAP_FAILED)
		return 1;
	entries[0] = (struct io_uring_sqe){
		.opcode = IORING_OP_ACCEPT,
		.fd = listener,
		.addr = (uint64_t)(uintptr_t)&name,
		.addr2 = (uint64_t)(uintptr_t)&length,
	};
	*(unsigned int *)(submitted + parameters.sq_off.array) = 0;
	__atomic_store_n((unsigned int *)(submitted + parameters.sq_off.tail), 1, __ATOMIC_RELEASE);
	puts("listening");
	if (syscall(SYS_io_uring_enter, ring, 1, 1, IORING_ENTER_GETEVENTS, NULL, 0) < 0)
		return 1;
	done = (struct io_uring_cqe *)(completed + parameters.cq_off.cqes);
	printf("accepted %d: %s:%u\n", done->res, inet_ntop(AF_INET, &name.sin_addr, text, sizeof(text)), ntohs(name.sin_port));
	return done->res < 0;
}
