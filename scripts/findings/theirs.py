"""The rules of other linters that speak of locks, rewrites, losses and breakage, and what of dblsp's says the same."""

CREATES = {"create-index-non-concurrent", "index-if-not-exists-locks"}
FOREIGN = {"add-fk-without-not-valid", "add-column-inline-fk"}
CHECKS = {"add-check-without-not-valid", "add-column-inline-check", "validate-in-same-transaction"}
UNIQUE = {"add-unique-constraint", "add-column-inline-unique", "add-column-unique-constant-default"}
KEYS = {"add-primary-key", "add-column-inline-unique", "add-column-serial", "add-column-identity", "add-required-column"}
NOT_NULL = {"set-not-null", "not-null-check-unvalidated", "add-required-column"}
TYPES = {"change-column-type-rewrite", "narrowing-type-change", "type-change-recheck", "type-change-blocked"}
VALUES = {"add-column-volatile-default", "add-column-stored-generated", "add-column-constrained-domain"}
DROPS = {"drop-object", "drop-blocked", "drop-cascade", "drop-used-in-routine"}
COLUMNS = {"drop-column", "drop-column-in-routine", "rename-by-drop-and-add", "drop-blocked"}
TABLES = {"drop-table", "drop-blocked", "drop-cascade"}
LONG = (
    CREATES | FOREIGN | CHECKS | UNIQUE | KEYS | NOT_NULL | TYPES | VALUES
    | {"work-under-lock", "backfill-under-lock", "update-without-where", "delete-without-where", "truncate"}
)
WAITS = LONG | {"lock-timeout-missing", "drop-index-non-concurrent", "drop-table", "drop-column", "refresh-blocking"}

# Their rule: what it is about, and the rules of dblsp's that say so.
RULES = {
    ("squawk", "require-concurrent-index-creation"): ("lock", CREATES),
    ("squawk", "require-concurrent-index-deletion"): ("lock", {"drop-index-non-concurrent", "drop-blocked"}),
    ("squawk", "constraint-missing-not-valid"): ("lock", CHECKS | FOREIGN),
    ("squawk", "adding-foreign-key-constraint"): ("lock", FOREIGN),
    ("squawk", "adding-serial-primary-key-field"): ("lock", KEYS),
    ("squawk", "disallowed-unique-constraint"): ("lock", UNIQUE),
    ("squawk", "adding-not-nullable-field"): ("lock", NOT_NULL),
    ("squawk", "require-lock-timeout"): ("lock", WAITS),
    ("squawk", "changing-column-type"): ("rewrite", TYPES),
    ("squawk", "adding-field-with-default"): ("rewrite", VALUES),
    ("squawk", "prefer-repack"): ("rewrite", {"vacuum-full"}),
    ("squawk", "adding-required-field"): ("breakage", {"add-required-column"}),
    ("squawk", "ban-drop-column"): ("loss", COLUMNS),
    ("squawk", "ban-drop-table"): ("loss", TABLES),
    ("squawk", "ban-truncate-cascade"): ("loss", {"truncate"}),
    ("squawk", "ban-drop-not-null"): ("breakage", {"drop-not-null"}),
    ("squawk", "ban-drop-function"): ("breakage", DROPS),
    ("squawk", "ban-drop-view"): ("breakage", DROPS),
    ("squawk", "ban-drop-type"): ("breakage", DROPS),
    ("squawk", "ban-drop-extension"): ("breakage", DROPS),
    ("squawk", "ban-drop-constraint"): ("breakage", set()),
    ("squawk", "ban-drop-default"): ("breakage", {"default-dropped-at-once"}),
    ("squawk", "renaming-column"): ("breakage", {"rename-column"}),
    ("squawk", "renaming-table"): ("breakage", {"rename-table"}),
    ("squawk", "renaming-object"): ("breakage", {"rename-table", "rename-column"}),
    ("squawk", "identifier-too-long"): ("breakage", {"identifier-too-long"}),
    ("pgls", "requireConcurrentIndexCreation"): ("lock", CREATES),
    ("pgls", "requireConcurrentIndexDeletion"): ("lock", {"drop-index-non-concurrent", "drop-blocked"}),
    ("pgls", "constraintMissingNotValid"): ("lock", CHECKS | FOREIGN | UNIQUE),
    ("pgls", "addingForeignKeyConstraint"): ("lock", FOREIGN),
    ("pgls", "addingPrimaryKeyConstraint"): ("lock", KEYS),
    ("pgls", "addingNotNullField"): ("lock", NOT_NULL),
    ("pgls", "disallowUniqueConstraint"): ("lock", UNIQUE),
    ("pgls", "lockTimeoutWarning"): ("lock", WAITS),
    ("pgls", "avoidCreateTrigger"): ("lock", WAITS),
    ("pgls", "banDropTrigger"): ("lock", WAITS | DROPS),
    ("pgls", "avoidEnableDisableTrigger"): ("lock", WAITS),
    ("pgls", "avoidWideLockWindow"): ("lock", WAITS),
    ("pgls", "runningStatementWhileHoldingAccessExclusive"): ("lock", LONG | {"drop-table"}),
    ("pgls", "transactionNesting"): ("breakage", {"nested-begin", "stray-commit"}),
    ("pgls", "changingColumnType"): ("rewrite", TYPES),
    ("pgls", "addingFieldWithDefault"): ("rewrite", VALUES),
    ("pgls", "addSerialColumn"): ("rewrite", VALUES | {"add-column-serial"}),
    ("pgls", "addingRequiredField"): ("breakage", {"add-required-column"}),
    ("pgls", "banDropColumn"): ("loss", COLUMNS),
    ("pgls", "banDropTable"): ("loss", TABLES),
    ("pgls", "banTruncate"): ("loss", {"truncate"}),
    ("pgls", "banDeleteWithoutWhere"): ("loss", {"delete-without-where"}),
    ("pgls", "banUpdateWithoutWhere"): ("loss", {"update-without-where", "backfill-under-lock"}),
    ("pgls", "banDropNotNull"): ("breakage", {"drop-not-null"}),
    ("pgls", "renamingColumn"): ("breakage", {"rename-column"}),
    ("pgls", "renamingTable"): ("breakage", {"rename-table"}),
    ("pgls", "avoidAlterEnumAddValue"): ("breakage", {"enum-value-used-same-tx"}),
    ("eugene", "E1"): ("lock", CHECKS | FOREIGN),
    ("eugene", "E2"): ("lock", NOT_NULL),
    ("eugene", "E4"): ("lock", LONG | {"drop-table"}),
    ("eugene", "E5"): ("rewrite", TYPES),
    ("eugene", "E6"): ("lock", CREATES),
    ("eugene", "E7"): ("lock", UNIQUE),
    ("eugene", "E8"): ("lock", {"add-exclusion-constraint"}),
    ("eugene", "E9"): ("lock", WAITS),
    ("eugene", "E11"): ("rewrite", VALUES | {"add-column-serial"}),
    ("eugene", "W14"): ("lock", {"pk-using-index-nullable", "add-primary-key"}),
}

LEFT_OUT = "prefer-…, ban-char-field, require-statement-timeout, multipleAlterTable, creatingEnum, E3, W12, W13 and their like"

# Why dblsp says nothing where the server did that: for all rules, and for single ones.
REMARKS = {
    "refused": "a statement that fails locks nothing. dblsp names the error where it is sure of it.",
    "new": "nobody waits for a table that nobody can see, and nothing is lost with it.",
    "nothing": "there is nothing to warn of: the object is not there, or is there already, or the change is one of the catalog.",
    "held": "the lock is there already and lasts until the commit in any case.",
    "short": "the lock is held for a moment only. Waiting for it behind a long query is what a `lock_timeout` is for: "
    "`lock-timeout-missing` says so in projects that use one.",
    "gone": "what was dropped or renamed is replaced in the same file, or is a trigger, policy, index or constraint, without "
    "which no statement of a program fails.",
    "other": "the statement costs what dblsp says of it, and not what they say.",
    "work": "theirs is right: PostgreSQL looks every row up also where the default is an explicit `DEFAULT NULL`, and dblsp "
    "learned it from this.",
    ("runningStatementWhileHoldingAccessExclusive", "work"): "the stand-in lacks a column that the table has by then.",
    ("require-lock-timeout", "work"): "one is `ADD COLUMN … REFERENCES … DEFAULT NULL`, where theirs is right: PostgreSQL looks "
    "every row up there, and dblsp learned it from this. The other builds the key of the table that it makes.",
    ("ban-drop-function", "gone"): "all are functions of triggers, which no program calls, are made again in the same file, or "
    "leave another function of the name.",
    ("ban-drop-view", "gone"): "all are made again in the same file.",
    ("E4", "work"): "the stand-in lacks a column that the table has by then.",
    ("runningStatementWhileHoldingAccessExclusive", "nothing"): "what runs under the lock takes no time; even the file's "
    "own `COMMIT` is named. dblsp names what takes long: `work-under-lock`, `backfill-under-lock`.",
    ("runningStatementWhileHoldingAccessExclusive", "new"): "making something new takes no time under the lock.",
    ("E4", "nothing"): "what runs under the lock takes no time. dblsp names what takes long.",
    ("avoidAlterEnumAddValue", "nothing"): "`ADD VALUE` runs in a transaction since PostgreSQL 12; using the value there fails, "
    "and that is what `enum-value-used-same-tx` is about.",
    ("transactionNesting", "nothing"): "nobody is known to open a transaction around these files, or the Supabase CLI, which "
    "stops doing so where a file has its own: `BEGIN` and `COMMIT` are then the transaction, and not nested.",
    ("addingFieldWithDefault", "short"): "a constant default is stored once, in the catalog: nothing is written anew.",
    ("addingForeignKeyConstraint", "short"): "the column is new and NULL everywhere: nothing is looked up.",
    ("adding-foreign-key-constraint", "short"): "the column is new and NULL everywhere: nothing is looked up.",
    ("E1", "short"): "the column is new and NULL everywhere: nothing is looked up.",
    ("requireConcurrentIndexDeletion", "nothing"): "there is no such index: `IF EXISTS` passes it over.",
    ("require-concurrent-index-deletion", "nothing"): "there is no such index: `IF EXISTS` passes it over.",
    ("requireConcurrentIndexDeletion", "gone"): "the transaction holds ACCESS EXCLUSIVE on the table before.",
    ("require-concurrent-index-deletion", "gone"): "the transaction holds ACCESS EXCLUSIVE on the table before.",
    ("ban-drop-constraint", "gone"): "programs go on: what was refused before is taken now.",
}
