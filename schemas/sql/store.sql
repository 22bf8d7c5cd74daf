-- SPDX-License-Identifier: Apache-2.0
--
-- The history of accesses: <state_dir>/store.db, SQLite, version 1 (PRAGMA user_version).
--
-- One row of `accesses` is one event. What repeats (secrets, files, executables, cgroups, lineages, processes, verdicts)
-- is kept once and found again by `digest`, the 16-byte BLAKE2b hash of what the row says; a digest and not the row
-- itself is indexed because rows hold long names. Times are nanoseconds: *_real_ns of Unix time, start_ns since boot.
-- 64-bit values above 2^63 (inode numbers, capabilities) are stored as the negative number of the same bits. Text holds
-- the bytes that the kernel gave, which need not be UTF-8. Lists of strings are BLOBs in which each string ends with a
-- zero byte. Numbers of kinds, ways and modes are those of bpf/abi.h.

CREATE TABLE secrets (
	id INTEGER PRIMARY KEY,
	digest BLOB NOT NULL UNIQUE,
	name TEXT NOT NULL,
	class TEXT NOT NULL
);

CREATE TABLE files (
	id INTEGER PRIMARY KEY,
	digest BLOB NOT NULL UNIQUE,
	path TEXT NOT NULL,
	is_path_truncated INTEGER NOT NULL,
	dev INTEGER NOT NULL,
	ino INTEGER NOT NULL,
	generation INTEGER NOT NULL
);

CREATE TABLE exes (
	id INTEGER PRIMARY KEY,
	digest BLOB NOT NULL UNIQUE,
	path TEXT NOT NULL,
	sha256 TEXT,
	dev INTEGER NOT NULL,
	ino INTEGER NOT NULL,
	generation INTEGER NOT NULL,
	ctime_sec INTEGER NOT NULL,
	ctime_nsec INTEGER NOT NULL,
	nlink INTEGER NOT NULL,
	flags INTEGER NOT NULL
);

CREATE TABLE cgroups (
	id INTEGER PRIMARY KEY,
	digest BLOB NOT NULL UNIQUE,
	path TEXT NOT NULL,
	unit TEXT,
	container TEXT,
	pod TEXT
);

-- exes: the executables of the ancestors, parent first.
CREATE TABLE lineages (
	id INTEGER PRIMARY KEY,
	digest BLOB NOT NULL UNIQUE,
	exes BLOB NOT NULL,
	is_truncated INTEGER NOT NULL
);

-- One process under one identity: exec, setuid or a hash that became known make a new row.
-- ancestor_pids: "12,7,1", in the order of the lineage.
CREATE TABLE processes (
	id INTEGER PRIMARY KEY,
	digest BLOB NOT NULL UNIQUE,
	pid INTEGER NOT NULL,
	start_ns INTEGER NOT NULL,
	start_real_ns INTEGER NOT NULL,
	exe INTEGER NOT NULL REFERENCES exes (id),
	cgroup INTEGER NOT NULL REFERENCES cgroups (id),
	lineage INTEGER NOT NULL REFERENCES lineages (id),
	ancestor_pids TEXT NOT NULL,
	comm TEXT NOT NULL,
	args BLOB NOT NULL,
	is_args_truncated INTEGER NOT NULL,
	uid INTEGER NOT NULL,
	gid INTEGER NOT NULL,
	euid INTEGER NOT NULL,
	egid INTEGER NOT NULL,
	login_uid INTEGER NOT NULL,
	session_id INTEGER NOT NULL,
	cap_effective INTEGER NOT NULL,
	user TEXT
);

-- Which rule decided, and what carried it out. tier: 0 observe, 1 kill, 2 fanotify, 3 lsm.
CREATE TABLE verdicts (
	id INTEGER PRIMARY KEY,
	digest BLOB NOT NULL UNIQUE,
	policy TEXT NOT NULL,
	rule TEXT NOT NULL,
	tier INTEGER NOT NULL,
	is_enforced INTEGER NOT NULL
);

-- action: 0 allow, 1 alert, 2 deny. result: 0 or a negative errno.
CREATE TABLE accesses (
	id INTEGER PRIMARY KEY,
	first_real_ns INTEGER NOT NULL,
	last_real_ns INTEGER NOT NULL,
	count INTEGER NOT NULL,
	secret INTEGER NOT NULL REFERENCES secrets (id),
	file INTEGER NOT NULL REFERENCES files (id),
	process INTEGER NOT NULL REFERENCES processes (id),
	verdict INTEGER NOT NULL REFERENCES verdicts (id),
	action INTEGER NOT NULL,
	kind INTEGER NOT NULL,
	via INTEGER NOT NULL,
	mode INTEGER NOT NULL,
	result INTEGER NOT NULL,
	tid INTEGER NOT NULL,
	target_pid INTEGER NOT NULL,
	target_exe TEXT
);

CREATE INDEX accesses_by_time ON accesses (last_real_ns);
CREATE INDEX accesses_by_secret ON accesses (secret);
CREATE INDEX accesses_by_file ON accesses (file);
CREATE INDEX accesses_by_process ON accesses (process);
CREATE INDEX accesses_by_verdict ON accesses (verdict);
CREATE INDEX processes_by_exe ON processes (exe);
CREATE INDEX processes_by_cgroup ON processes (cgroup);
CREATE INDEX processes_by_lineage ON processes (lineage);

-- Whoever deletes an access deletes with it what only that access referred to.
CREATE TRIGGER accesses_deleted AFTER DELETE ON accesses
BEGIN
	DELETE FROM processes WHERE id = OLD.process AND NOT EXISTS (SELECT 1 FROM accesses WHERE process = OLD.process);
	DELETE FROM files WHERE id = OLD.file AND NOT EXISTS (SELECT 1 FROM accesses WHERE file = OLD.file);
	DELETE FROM secrets WHERE id = OLD.secret AND NOT EXISTS (SELECT 1 FROM accesses WHERE secret = OLD.secret);
	DELETE FROM verdicts WHERE id = OLD.verdict AND NOT EXISTS (SELECT 1 FROM accesses WHERE verdict = OLD.verdict);
END;

CREATE TRIGGER processes_deleted AFTER DELETE ON processes
BEGIN
	DELETE FROM exes WHERE id = OLD.exe AND NOT EXISTS (SELECT 1 FROM processes WHERE exe = OLD.exe);
	DELETE FROM cgroups WHERE id = OLD.cgroup AND NOT EXISTS (SELECT 1 FROM processes WHERE cgroup = OLD.cgroup);
	DELETE FROM lineages WHERE id = OLD.lineage AND NOT EXISTS (SELECT 1 FROM processes WHERE lineage = OLD.lineage);
END;
