/* Loaded before user-mode-linux: it sets a process's registers as long as its own kernel knows them, 2696 bytes
 * in Linux 6.1 (arch/x86/um/user-offsets.c), while the host wants the whole (arch/x86/kernel/fpu/regset.c,
 * xstateregs_set), which is longer with AMX. The rest stays as the process has it: no guest uses AMX.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <elf.h>
#include <stdarg.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/uio.h>

static char whole[1 << 16];

long ptrace(enum __ptrace_request request, ...)
{
	static long (*libc_ptrace)(enum __ptrace_request, ...);
	struct iovec all = {whole, sizeof whole};
	va_list rest;

	va_start(rest, request);
	int pid = va_arg(rest, int);
	void *address = va_arg(rest, void *);
	void *data = va_arg(rest, void *);
	va_end(rest);

	if (!libc_ptrace)
		libc_ptrace = dlsym(RTLD_NEXT, "ptrace");
	if (request == PTRACE_SETREGSET && address == (void *)NT_X86_XSTATE) {
		struct iovec *given = data;

		if (libc_ptrace(PTRACE_GETREGSET, pid, address, &all) < 0)
			return -1;
		memcpy(whole, given->iov_base, given->iov_len < all.iov_len ? given->iov_len : all.iov_len);
		data = &all;
	}
	return libc_ptrace(request, pid, address, data);
}
