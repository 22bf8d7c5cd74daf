-- SPDX-License-Identifier: Apache-2.0
--
-- From version 1 (store.sql) to version 2: the script that a program was started for, NULL for none. Of accesses that
-- version 1 stored it is not known.

ALTER TABLE processes ADD COLUMN script TEXT;
