/*
 * Runs a program so that nothing it starts can outlive its starter:  reaper PARENT PROGRAM [ARGUMENT...]
 *
 * What loses its parent becomes a child of this process (PR_SET_CHILD_SUBREAPER), whatever it has done to its session,
 * its environment and its files. When PARENT dies, or SIGUSR1 arrives, all descendants are killed. SIGTERM goes to the
 * program's process group. The end of the program is the end of this process; a program that fails takes along what it
 * has left running.
 */
#define _GNU_SOURCE
#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

extern char **environ;

static pid_t program;
static int program_status;
static int has_ended;

/* Parent of a process by /proc/PID/stat; the name before it may hold anything. */
static pid_t parent_of(const char *pid)
{
	char path[64], text[512];
	snprintf(path, sizeof path, "/proc/%.20s/stat", pid);
	FILE *file = fopen(path, "r");
	if (!file)
		return -1;
	size_t length = fread(text, 1, sizeof text - 1, file);
	fclose(file);
	text[length] = 0;
	char *end = strrchr(text, ')');
	int parent = -1;
	if (!end || sscanf(end + 1, " %*c %d", &parent) != 1)
		return -1;
	return parent;
}

/* Kills all children that may be killed, and says whether there were any. */
static int kill_children(void)
{
	DIR *folder = opendir("/proc");
	if (!folder)
		return 0;
	int found = 0;
	for (struct dirent *entry; (entry = readdir(folder));)
		if (isdigit((unsigned char)entry->d_name[0]) && parent_of(entry->d_name) == getpid() &&
		    kill(atoi(entry->d_name), SIGKILL) == 0)
			found = 1;
	closedir(folder);
	return found;
}

static void note(pid_t pid, int status)
{
	if (pid != program)
		return;
	program_status = status;
	has_ended = 1;
}

/* A child that was killed leaves its own children to this process: they are killed in the next round. */
static void kill_all(void)
{
	int status;
	while (kill_children()) {
		pid_t pid = waitpid(-1, &status, 0);
		if (pid < 0)
			return;
		note(pid, status);
		while ((pid = waitpid(-1, &status, WNOHANG)) > 0)
			note(pid, status);
	}
}

static void start(char **argv, const sigset_t *mask)
{
	setpgid(0, 0);
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	sigprocmask(SIG_SETMASK, mask, NULL);
	execvp(argv[0], argv);
	fprintf(stderr, "reaper: failed to execute %s: %s\n", argv[0], strerror(errno));
	_exit(errno == ENOENT ? 127 : 126);
}

/* The mark by which others find what belongs to a build is the program's: this process ends by itself. */
static void forget_environment(void)
{
	for (char **entry = environ; *entry; entry++)
		memset(*entry, 0, strlen(*entry));
}

static void end_like(int status)
{
	if (WIFEXITED(status))
		_exit(WEXITSTATUS(status));
	struct rlimit none = { 0, 0 };
	setrlimit(RLIMIT_CORE, &none);
	int number = WTERMSIG(status);
	sigset_t one;
	sigemptyset(&one);
	sigaddset(&one, number);
	signal(number, SIG_DFL);
	raise(number);
	sigprocmask(SIG_UNBLOCK, &one, NULL);
	_exit(128 + number);
}

int main(int argc, char **argv)
{
	if (argc < 3)
		return 64;
	int parent_died = SIGRTMIN;
	sigset_t all, before;
	signal(SIGCHLD, SIG_DFL);
	sigfillset(&all);
	sigprocmask(SIG_SETMASK, &all, &before);
	prctl(PR_SET_CHILD_SUBREAPER, 1);
	prctl(PR_SET_PDEATHSIG, parent_died);
	/* It died before that took hold. */
	if (getppid() != atoi(argv[1]))
		return 137;
	program = fork();
	if (program < 0) {
		perror("reaper: fork");
		return 126;
	}
	if (program == 0)
		start(argv + 2, &before);
	setpgid(program, program);
	forget_environment();
	while (!has_ended) {
		int number = sigwaitinfo(&all, NULL);
		if (number == parent_died || number == SIGUSR1)
			kill_all();
		else if (number == SIGTERM)
			kill(-program, SIGTERM);
		else if (number == SIGCHLD) {
			int status;
			for (pid_t pid; (pid = waitpid(-1, &status, WNOHANG)) > 0;)
				note(pid, status);
		}
	}
	if (program_status != 0)
		kill_all();
	end_like(program_status);
}
