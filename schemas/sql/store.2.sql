-- SPDX-License-Identifier: Apache-2.0
--
-- From version 1 of store.sql to version 2: what enforcing policies need to be replayed.

-- would_deny: the action was to deny, and the policy only observed.
ALTER TABLE verdicts ADD COLUMN would_deny INTEGER NOT NULL DEFAULT 0;
-- script: the script ("#!") that the executable was started for.
ALTER TABLE processes ADD COLUMN script TEXT;
