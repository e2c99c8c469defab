/*
 * waiting PORT THREADS [slowly]
 *
 * Accepts two connections. A thread holds the lock of the first one's socket:
 * it sends from a page that userfaultfd does not give it yet. THREADS threads
 * ask getpeername() of that socket meanwhile, whose lock the kernel waits for,
 * and the second connection is asked beside them. Then the page comes, and all
 * compare.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <dirent.h>
#include <fcntl.h>
#include <linux/userfaultfd.h>
#include <netinet/in.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

enum { MOST = 1000 };

static int held;
static char *page;
static char names[MOST][64];
static int asking, answered;

static void name_of(int fd, char *text, size_t room)
{
	struct sockaddr_in name = { 0 };
	socklen_t length = sizeof(name);
	char address[INET_ADDRSTRLEN];

	if (getpeername(fd, (struct sockaddr *)&name, &length) < 0)
		snprintf(text, room, "an error");
	else
		snprintf(text, room, "%s:%u", inet_ntop(AF_INET, &name.sin_addr, address, sizeof(address)),
			 ntohs(name.sin_port));
}

static void *hold(void *nothing)
{
	(void)nothing;
	if (send(held, page, 4096, 0) < 0)
		perror("send");
	return NULL;
}

static void *ask(void *number)
{
	__atomic_add_fetch(&asking, 1, __ATOMIC_RELAXED);
	name_of(held, names[(long)number], sizeof(names[0]));
	__atomic_add_fetch(&answered, 1, __ATOMIC_RELAXED);
	return NULL;
}

/* How many threads run or could, this one among them: the state stands behind the name in parentheses. */
static int awake(void)
{
	DIR *tasks = opendir("/proc/self/task");
	struct dirent *task;
	int count = 0;

	while ((task = readdir(tasks))) {
		char path[300], text[100] = "";
		FILE *stat;

		snprintf(path, sizeof(path), "/proc/self/task/%s/stat", task->d_name);
		stat = task->d_name[0] == '.' ? NULL : fopen(path, "r");
		if (!stat)
			continue; /* it has ended meanwhile */
		if (fgets(text, sizeof(text), stat) && strstr(text, ") R "))
			count++;
		fclose(stat);
	}
	closedir(tasks);
	return count;
}

static int hold_back_a_page(void)
{
	struct uffdio_api api = { .api = UFFD_API };
	struct uffdio_register range = { .mode = UFFDIO_REGISTER_MODE_MISSING };
	int fd = syscall(SYS_userfaultfd, O_CLOEXEC);

	page = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	range.range.start = (unsigned long)page;
	range.range.len = 4096;
	if (fd < 0 || ioctl(fd, UFFDIO_API, &api) < 0 || ioctl(fd, UFFDIO_REGISTER, &range) < 0) {
		perror("userfaultfd");
		exit(2);
	}
	return fd;
}

int main(int count, char **arguments)
{
	struct sockaddr_in own = { .sin_family = AF_INET, .sin_port = htons(atoi(arguments[1])) };
	int listener = socket(AF_INET, SOCK_STREAM, 0), threads = atoi(arguments[2]), equal = 0, beside, fault;
	int slowly = count > 3;
	struct uffdio_zeropage zero = { 0 };
	struct uffd_msg message;
	char other[64];
	pthread_t holder, askers[MOST];

	if (bind(listener, (struct sockaddr *)&own, sizeof(own)) < 0 || listen(listener, 10) < 0 || threads > MOST) {
		perror("waiting");
		return 2;
	}
	setlinebuf(stdout);
	puts("listening");
	held = accept(listener, NULL, NULL);
	beside = accept(listener, NULL, NULL);
	fault = hold_back_a_page();
	pthread_create(&holder, NULL, hold, NULL);
	if (read(fault, &message, sizeof(message)) != sizeof(message)) /* now it has the lock */
		return 2;
	for (long i = 0; i < threads; i++)
		pthread_create(&askers[i], NULL, ask, (void *)i);
	while (__atomic_load_n(&asking, __ATOMIC_RELAXED) < threads || awake() > 1)
		usleep(10000);
	name_of(beside, other, sizeof(other));
	printf("waiting: %d\n", threads - __atomic_load_n(&answered, __ATOMIC_RELAXED));
	if (slowly)
		sleep(3);
	zero.range.start = (unsigned long)page;
	zero.range.len = 4096;
	ioctl(fault, UFFDIO_ZEROPAGE, &zero);
	pthread_join(holder, NULL);
	for (int i = 0; i < threads; i++) {
		pthread_join(askers[i], NULL);
		equal += strcmp(names[i], names[0]) == 0;
	}
	printf("result: %d of %d threads %s, beside them %s\n", equal, threads, names[0], other);
	return 0;
}
