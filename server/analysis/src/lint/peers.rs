//! What other linters call what our rules are about: their comments and settings count here as well.

/// A rule of squawk and the rules of ours that judge the same. Those of squawk's that nothing here resembles are not
/// listed: what they would be silenced for is never found.
pub const SQUAWK: &[(&str, &[&str])] = &[
    (
        "adding-field-with-default",
        &["add-column-volatile-default", "add-column-stored-generated"],
    ),
    (
        "adding-foreign-key-constraint",
        &["add-fk-without-not-valid", "add-column-inline-fk"],
    ),
    ("adding-not-nullable-field", &["set-not-null"]),
    ("adding-required-field", &["add-required-column"]),
    (
        "adding-serial-primary-key-field",
        &["add-primary-key", "add-column-serial", "add-column-identity"],
    ),
    (
        "ban-concurrent-index-creation-in-transaction",
        &["concurrently-in-transaction"],
    ),
    ("ban-drop-column", &["drop-column"]),
    ("ban-drop-database", &["drop-database"]),
    ("ban-drop-domain", &["drop-object"]),
    ("ban-drop-extension", &["drop-object"]),
    ("ban-drop-function", &["drop-object"]),
    ("ban-drop-not-null", &["drop-not-null"]),
    ("ban-drop-policy", &["drop-object"]),
    ("ban-drop-schema", &["drop-schema"]),
    ("ban-drop-sequence", &["drop-object"]),
    ("ban-drop-table", &["drop-table"]),
    ("ban-drop-trigger", &["drop-object"]),
    ("ban-drop-type", &["drop-object"]),
    ("ban-drop-view", &["drop-object"]),
    (
        "ban-replace-view-function",
        &["replace-function-resets-attributes", "replace-view-resets-options"],
    ),
    ("ban-truncate-cascade", &["truncate"]),
    ("ban-uncommitted-transaction", &["uncommitted-transaction"]),
    (
        "changing-column-type",
        &[
            "change-column-type-rewrite",
            "narrowing-type-change",
            "type-change-recheck",
        ],
    ),
    (
        "constraint-missing-not-valid",
        &[
            "add-check-without-not-valid",
            "add-column-inline-check",
            "add-fk-without-not-valid",
            "validate-in-same-transaction",
        ],
    ),
    (
        "disallowed-unique-constraint",
        &["add-unique-constraint", "add-column-inline-unique"],
    ),
    ("identifier-too-long", &["identifier-too-long"]),
    ("prefer-repack", &["vacuum-full"]),
    ("renaming-column", &["rename-column"]),
    ("renaming-table", &["rename-table"]),
    (
        "require-concurrent-index-creation",
        &["create-index-non-concurrent", "index-if-not-exists-locks"],
    ),
    ("require-concurrent-index-deletion", &["drop-index-non-concurrent"]),
    ("require-concurrent-partition-detach", &["partition-detach-blocking"]),
    ("require-concurrent-reindex", &["reindex-non-concurrent"]),
    ("require-lock-timeout", &["lock-timeout-missing"]),
    ("require-timeout-settings", &["lock-timeout-missing"]),
    ("transaction-nesting", &["nested-begin", "stray-commit"]),
];

/// Rules of ours that judge what a rule of squawk does; none where we have no such rule.
pub fn of_squawk(name: &str) -> &'static [&'static str] {
    let found = SQUAWK.iter().find(|(theirs, _)| *theirs == name);
    found.map(|(_, ours)| *ours).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::lint::rule_named;

    #[test]
    fn every_rule_that_is_named_exists_and_none_is_listed_twice() {
        assert!(SQUAWK.is_sorted_by(|one, other| one.0 < other.0));
        for (theirs, ours) in SQUAWK {
            assert!(!ours.is_empty(), "{theirs}");
            for name in *ours {
                assert!(rule_named(name).is_some(), "{theirs}: {name}");
            }
        }
    }

    #[test]
    fn what_nobody_knows_stands_for_nothing() {
        assert_eq!(of_squawk("ban-drop-column"), ["drop-column"]);
        assert_eq!(of_squawk("ban-everything"), [""; 0]);
    }
}
