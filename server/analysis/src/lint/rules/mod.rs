//! One file per rule, and nothing else that knows a rule.

use super::rule::Rule;

mod add_check_without_not_valid;
mod add_column_volatile_default;
mod add_fk_without_not_valid;
mod add_required_column;
mod already_exists;
mod change_column_type_rewrite;
mod create_index_non_concurrent;
mod drop_column;
mod drop_table;
mod duplicate_version;
mod enum_value_used_same_tx;
mod expansion_pack_coupling;
mod fk_without_index;
mod forbidden_name_coupling;
mod function_search_path;
mod migration_name_invalid;
mod narrowing_type_change;
mod nested_begin;
mod not_null_check_unvalidated;
mod rls_disabled_in_exposed_schema;
mod rollback_in_migrations;
mod rollback_missing;
mod rollback_unanswered_todo;
mod security_definer_view;
mod set_not_null;
mod smoke_test_missing;
mod snapshots_read_as_declarative_schema;
mod stray_commit;
mod syntax_error;
mod uncommitted_transaction;
mod unknown_allow;
mod unknown_object;
mod unused_allow;
mod version_decreasing;

/// Every rule, in the order of `dblsp rules`: by name.
pub static RULES: &[&Rule] = &[
    &add_check_without_not_valid::RULE,
    &add_column_volatile_default::RULE,
    &add_fk_without_not_valid::RULE,
    &add_required_column::RULE,
    &already_exists::RULE,
    &change_column_type_rewrite::RULE,
    &create_index_non_concurrent::RULE,
    &drop_column::RULE,
    &drop_table::RULE,
    &duplicate_version::RULE,
    &enum_value_used_same_tx::RULE,
    &expansion_pack_coupling::RULE,
    &fk_without_index::RULE,
    &forbidden_name_coupling::RULE,
    &function_search_path::RULE,
    &migration_name_invalid::RULE,
    &narrowing_type_change::RULE,
    &nested_begin::RULE,
    &not_null_check_unvalidated::RULE,
    &rls_disabled_in_exposed_schema::RULE,
    &rollback_in_migrations::RULE,
    &rollback_missing::RULE,
    &rollback_unanswered_todo::RULE,
    &security_definer_view::RULE,
    &set_not_null::RULE,
    &smoke_test_missing::RULE,
    &snapshots_read_as_declarative_schema::RULE,
    &stray_commit::RULE,
    &syntax_error::RULE,
    &uncommitted_transaction::RULE,
    &unknown_allow::RULE,
    &unknown_object::RULE,
    &unused_allow::RULE,
    &version_decreasing::RULE,
];

#[cfg(test)]
mod tests;
