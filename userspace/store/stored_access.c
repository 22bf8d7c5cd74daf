/* SPDX-License-Identifier: Apache-2.0 */
#include "store/stored_access.h"

#include <errno.h>
#include <sqlite3.h>
#include <stdlib.h>
#include <string.h>

#include "base/access.h"

#define ARGS_MAX ABI_ARGS_MAX /* an argument has at least its NUL */

struct stored_access {
	struct access access;
	const char *args[ARGS_MAX];
};

/* One line here is one column; the enum below counts them. */
const char stored_access_sql[] =
	"SELECT a.id, a.first_real_ns, a.last_real_ns, a.count, a.action, a.kind, a.via, a.mode, a.result, a.tid,"
	" a.target_pid, a.target_exe,"
	" s.name, s.class,"
	" f.path, f.is_path_truncated, f.dev, f.ino, f.generation,"
	" v.policy, v.rule, v.tier, v.is_enforced, v.would_deny,"
	" p.pid, p.start_ns, p.start_real_ns, p.ancestor_pids, p.comm, p.args, p.is_args_truncated,"
	" p.uid, p.gid, p.euid, p.egid, p.login_uid, p.session_id, p.cap_effective, p.user, p.script,"
	" e.path, e.sha256, e.dev, e.ino, e.generation, e.ctime_sec, e.ctime_nsec, e.nlink, e.flags,"
	" c.path, c.unit, c.container, c.pod,"
	" l.exes, l.is_truncated"
	" FROM accesses a JOIN secrets s ON s.id = a.secret JOIN files f ON f.id = a.file"
	" JOIN verdicts v ON v.id = a.verdict JOIN processes p ON p.id = a.process JOIN exes e ON e.id = p.exe"
	" JOIN cgroups c ON c.id = p.cgroup JOIN lineages l ON l.id = p.lineage"
	" WHERE (a.last_real_ns, a.id) > (?1, ?2) ORDER BY a.last_real_ns, a.id LIMIT ?3";

/* clang-format off */
enum column {
	A_ID, A_FIRST, A_LAST, A_COUNT, A_ACTION, A_KIND, A_VIA, A_MODE, A_RESULT, A_TID, A_TARGET_PID, A_TARGET_EXE,
	S_NAME, S_CLASS,
	F_PATH, F_TRUNCATED, F_DEV, F_INO, F_GENERATION,
	V_POLICY, V_RULE, V_TIER, V_ENFORCED, V_WOULD_DENY,
	P_PID, P_START, P_START_REAL, P_ANCESTOR_PIDS, P_COMM, P_ARGS, P_ARGS_TRUNCATED,
	P_UID, P_GID, P_EUID, P_EGID, P_LOGIN_UID, P_SESSION_ID, P_CAPABILITIES, P_USER, P_SCRIPT,
	E_PATH, E_SHA256, E_DEV, E_INO, E_GENERATION, E_CTIME_SEC, E_CTIME_NSEC, E_NLINK, E_FLAGS,
	C_PATH, C_UNIT, C_CONTAINER, C_POD,
	L_EXES, L_TRUNCATED,
};
/* clang-format on */

struct stored_access *stored_access_new(void)
{
	return calloc(1, sizeof(struct stored_access));
}

void stored_access_free(struct stored_access *stored)
{
	free(stored);
}

int64_t stored_access_id(sqlite3_stmt *statement)
{
	return sqlite3_column_int64(statement, A_ID);
}

static const char *optional(sqlite3_stmt *statement, enum column column)
{
	return (const char *)sqlite3_column_text(statement, (int)column);
}

static const char *string(sqlite3_stmt *statement, enum column column)
{
	const char *text = optional(statement, column);

	return text ? text : "";
}

static uint64_t number(sqlite3_stmt *statement, enum column column)
{
	return (uint64_t)sqlite3_column_int64(statement, (int)column);
}

static uint32_t number32(sqlite3_stmt *statement, enum column column)
{
	return (uint32_t)sqlite3_column_int64(statement, (int)column);
}

/* Splits a blob of zero-terminated strings; one that does not end with a zero byte is not ours. */
static int split(sqlite3_stmt *statement, enum column column, const char **strings, size_t max, size_t *ret_count)
{
	const char *at = sqlite3_column_blob(statement, (int)column);
	size_t size = (size_t)sqlite3_column_bytes(statement, (int)column);
	size_t count = 0;

	if (size > 0 && (!at || at[size - 1] != '\0'))
		return -EBADMSG;
	while (size > 0) {
		size_t length = strlen(at) + 1;
		if (count == max)
			return -EBADMSG;
		strings[count++] = at;
		at += length;
		size -= length;
	}
	*ret_count = count;
	return 0;
}

static int read_ancestors(struct access_process *process, sqlite3_stmt *statement)
{
	const char *exes[ACCESS_ANCESTORS_MAX];
	const char *pids = string(statement, P_ANCESTOR_PIDS);
	size_t count;

	int r = split(statement, L_EXES, exes, ACCESS_ANCESTORS_MAX, &count);
	if (r < 0)
		return r;
	for (size_t i = 0; i < count; i++) {
		char *end;
		unsigned long pid = strtoul(pids, &end, 10);
		if (end == pids || pid > UINT32_MAX)
			return -EBADMSG;
		process->ancestors[i] = (struct access_ancestor){.pid = (uint32_t)pid, .exe = exes[i]};
		pids = *end == ',' ? end + 1 : end;
	}
	process->ancestors_count = count;
	process->ancestors_truncated = number(statement, L_TRUNCATED) != 0;
	return 0;
}

static void read_exe(struct access_process *process, sqlite3_stmt *statement)
{
	process->exe = string(statement, E_PATH);
	process->exe_sha256 = optional(statement, E_SHA256);
	process->exe_id = (struct exe_id){
		.file = {.ino = number(statement, E_INO),
			 .dev = number32(statement, E_DEV),
			 .generation = number32(statement, E_GENERATION)},
		.ctime_sec = sqlite3_column_int64(statement, E_CTIME_SEC),
		.ctime_nsec = number32(statement, E_CTIME_NSEC),
		.nlink = number32(statement, E_NLINK),
		.flags = number32(statement, E_FLAGS),
	};
}

static int read_process(struct stored_access *stored, sqlite3_stmt *statement)
{
	struct access_process *process = &stored->access.process;

	process->id = (struct process_id){.start_ns = number(statement, P_START), .pid = number32(statement, P_PID)};
	process->tid = number32(statement, A_TID);
	process->start_real_ns = number(statement, P_START_REAL);
	read_exe(process, statement);
	process->comm = string(statement, P_COMM);
	process->args = stored->args;
	process->args_truncated = number(statement, P_ARGS_TRUNCATED) != 0;
	process->cred = (struct credentials){
		.uid = number32(statement, P_UID),
		.gid = number32(statement, P_GID),
		.euid = number32(statement, P_EUID),
		.egid = number32(statement, P_EGID),
		.login_uid = number32(statement, P_LOGIN_UID),
		.session_id = number32(statement, P_SESSION_ID),
		.cap_effective = number(statement, P_CAPABILITIES),
	};
	process->user = optional(statement, P_USER);
	process->script = optional(statement, P_SCRIPT);
	process->cgroup = string(statement, C_PATH);
	process->unit = optional(statement, C_UNIT);
	process->container = optional(statement, C_CONTAINER);
	process->pod = optional(statement, C_POD);
	int r = split(statement, P_ARGS, stored->args, ARGS_MAX, &process->args_count);
	return r < 0 ? r : read_ancestors(process, statement);
}

/* Whoever takes an access uses these as indexes. */
static bool are_numbers_ours(sqlite3_stmt *statement)
{
	uint64_t kind = number(statement, A_KIND);

	return kind >= ACCESS_OPEN && kind < ACCESS_KIND_COUNT && number(statement, A_VIA) < VIA_COUNT &&
	       number(statement, A_ACTION) < VERDICT_COUNT && number(statement, V_TIER) < TIER_COUNT;
}

int stored_access_read(struct stored_access *stored, sqlite3_stmt *statement, const struct access **ret_access)
{
	struct access *access = &stored->access;

	if (!are_numbers_ours(statement))
		return -EBADMSG;
	*access = (struct access){
		.secret_name = string(statement, S_NAME),
		.secret_class = string(statement, S_CLASS),
		.path = string(statement, F_PATH),
		.path_truncated = number(statement, F_TRUNCATED) != 0,
		.file = {.ino = number(statement, F_INO),
			 .dev = number32(statement, F_DEV),
			 .generation = number32(statement, F_GENERATION)},
		.kind = (enum access_kind)number(statement, A_KIND),
		.via = (enum access_via)number(statement, A_VIA),
		.mode = number32(statement, A_MODE),
		.result = sqlite3_column_int(statement, A_RESULT),
		.count = number(statement, A_COUNT),
		.first_real_ns = number(statement, A_FIRST),
		.last_real_ns = number(statement, A_LAST),
		.target_pid = number32(statement, A_TARGET_PID),
		.target_exe = optional(statement, A_TARGET_EXE),
		.verdict = {.action = (enum verdict_action)number(statement, A_ACTION),
			    .rule = string(statement, V_RULE),
			    .policy = string(statement, V_POLICY),
			    .tier = (enum tier)number(statement, V_TIER),
			    .is_enforced = number(statement, V_ENFORCED) != 0,
			    .would_deny = number(statement, V_WOULD_DENY) != 0},
	};
	int r = read_process(stored, statement);
	if (r < 0)
		return r;
	*ret_access = access;
	return 0;
}
