// A disk with a cache, put under a process by LD_PRELOAD: it writes down what every write is about to overwrite, and which
// files were synced since. When the power is cut, `power.rs` takes back any part of what was not synced.
//
//   VOLATILE_ROOT  files below this directory are on such a disk
//   VOLATILE_LOG   where it is written down; begun anew by each process
//   VOLATILE_LIES  if set, a sync says that all is well and does nothing
//
// The log is a row of `struct note`s, each followed by `length` bytes. `sync_file_range` is no sync.
#define _GNU_SOURCE
#include <fcntl.h>
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

enum { WROTE = 1, SYNCED = 2 };

struct note {
	uint32_t kind, length;
	uint64_t inode, born; // which file: numbers of inodes are given out again
	uint64_t at;          // WROTE: offset in the file; SYNCED: everything noted before this place in the log is safe
};

static int log_fd = -1, lies;
static char root[4096];
static uint64_t noted;
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;

__attribute__((constructor)) static void begin(void) {
	const char *path = getenv("VOLATILE_LOG"), *below = getenv("VOLATILE_ROOT");
	if (!path || !below)
		return;
	snprintf(root, sizeof root, "%s/", below);
	lies = getenv("VOLATILE_LIES") != NULL;
	log_fd = open(path, O_CREAT | O_TRUNC | O_WRONLY | O_APPEND | O_CLOEXEC, 0600);
}

static int is_ours(int fd, struct note *note, uint64_t *size) {
	char link[64], path[4096];
	struct statx stat;
	if (log_fd < 0 || fd == log_fd)
		return 0;
	snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
	ssize_t length = readlink(link, path, sizeof path - 1);
	if (length <= 0 || strncmp(path, root, strlen(root)) != 0)
		return 0;
	if (statx(fd, "", AT_EMPTY_PATH, STATX_BASIC_STATS | STATX_BTIME, &stat) < 0 || !S_ISREG(stat.stx_mode))
		return 0;
	note->inode = stat.stx_ino;
	note->born = (uint64_t)stat.stx_btime.tv_sec * 1000000000u + stat.stx_btime.tv_nsec;
	*size = stat.stx_size;
	return 1;
}

static void put(const void *bytes, size_t length) {
	for (const char *from = bytes; length > 0;) {
		ssize_t done = syscall(SYS_write, log_fd, from, length);
		if (done <= 0)
			abort();
		from += done, length -= (size_t)done, noted += (uint64_t)done;
	}
}

static void before_write(int fd, off_t at, size_t length) {
	struct note note = { .kind = WROTE, .at = (uint64_t)at };
	uint64_t size;
	if (!is_ours(fd, &note, &size))
		return;
	// What a file grows by is the file system's to lose.
	if (note.at < size)
		note.length = (uint32_t)(length < size - note.at ? length : size - note.at);
	char *old = note.length ? malloc(note.length) : NULL;
	if (old) {
		char link[64];
		snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
		int again = open(link, O_RDONLY | O_CLOEXEC);
		// The file may be getting shorter meanwhile, and the disk may be dying.
		ssize_t got = again < 0 ? 0 : pread(again, old, note.length, at);
		note.length = got > 0 ? (uint32_t)got : 0;
		if (again >= 0)
			close(again);
	}
	pthread_mutex_lock(&lock);
	put(&note, sizeof note);
	put(old, note.length);
	pthread_mutex_unlock(&lock);
	free(old);
}

static int sync_with(long call, int fd) {
	struct note note = { .kind = SYNCED };
	uint64_t size;
	if (!is_ours(fd, &note, &size))
		return (int)syscall(call, fd);
	if (lies)
		return 0;
	pthread_mutex_lock(&lock);
	note.at = noted;
	pthread_mutex_unlock(&lock);
	int result = (int)syscall(call, fd);
	if (result == 0) {
		pthread_mutex_lock(&lock);
		put(&note, sizeof note);
		pthread_mutex_unlock(&lock);
	}
	return result;
}

ssize_t pwrite64(int fd, const void *bytes, size_t length, off64_t at) {
	before_write(fd, at, length);
	return syscall(SYS_pwrite64, fd, bytes, length, at);
}

ssize_t pwrite(int fd, const void *bytes, size_t length, off_t at) {
	return pwrite64(fd, bytes, length, at);
}

ssize_t write(int fd, const void *bytes, size_t length) {
	off_t at = log_fd < 0 ? -1 : lseek(fd, 0, SEEK_CUR);
	if (at >= 0)
		before_write(fd, at, length);
	return syscall(SYS_write, fd, bytes, length);
}

int fsync(int fd) {
	return sync_with(SYS_fsync, fd);
}

int fdatasync(int fd) {
	return sync_with(SYS_fdatasync, fd);
}
