//! One file per rule, and nothing else that knows a rule.

use super::rule::Rule;

mod add_check_without_not_valid;
mod add_column_constrained_domain;
mod add_column_identity;
mod add_column_inline_check;
mod add_column_inline_fk;
mod add_column_inline_unique;
mod add_column_serial;
mod add_column_stored_generated;
mod add_column_unique_constant_default;
mod add_column_volatile_default;
mod add_exclusion_constraint;
mod add_fk_without_not_valid;
mod add_primary_key;
mod add_required_column;
mod add_unique_constraint;
mod already_exists;
mod backfill_under_lock;
mod change_column_type_rewrite;
mod concurrently_in_transaction;
mod concurrently_partitioned;
mod constraint_never_validated;
mod create_index_non_concurrent;
mod default_dropped_at_once;
mod delete_without_where;
mod drift;
mod drop_blocked;
mod drop_cascade;
mod drop_column;
mod drop_column_in_routine;
mod drop_database;
mod drop_index_non_concurrent;
mod drop_not_null;
mod drop_object;
mod drop_schema;
mod drop_table;
mod drop_used_in_routine;
mod duplicate_version;
mod edited_applied_migration;
mod enum_value_used_same_tx;
mod expansion_pack_coupling;
mod extension_in_public;
mod extension_missing;
mod fk_without_index;
mod forbidden_name_coupling;
mod function_search_path;
mod held_migration_would_be_pushed;
mod identifier_too_long;
mod index_if_not_exists_locks;
mod lock_timeout_missing;
mod loss_without_rollback;
mod managed_schema_ddl;
mod migration_name_invalid;
mod narrowing_type_change;
mod nested_begin;
mod newer_postgres_needed;
mod not_null_check_unvalidated;
mod out_of_order_migration;
mod partition_attach_scan;
mod partition_created_in_place;
mod partition_detach_blocking;
mod pk_using_index_nullable;
mod policy_always_true;
mod policy_calls_per_row;
mod policy_check_unwritten;
mod policy_for_public;
mod policy_without_row_security;
mod refresh_blocking;
mod reindex_non_concurrent;
mod rename_by_drop_and_add;
mod rename_column;
mod rename_table;
mod replace_function_resets_attributes;
mod replace_view_resets_options;
mod rls_disabled_in_exposed_schema;
mod rollback_fails;
mod rollback_in_migrations;
mod rollback_incomplete;
mod rollback_missing;
mod rollback_unanswered_todo;
mod rollback_unproven;
mod row_security_before_policies;
mod row_security_disabled;
mod row_security_without_policy;
mod security_definer_view;
mod sequence_behind_ids;
mod set_leaks;
mod set_not_null;
mod smoke_test_missing;
mod snapshots_read_as_declarative_schema;
mod stray_commit;
mod syntax_error;
mod table_without_primary_key;
mod transaction_forbidden;
mod transaction_split;
mod truncate;
mod type_change_blocked;
mod type_change_recheck;
mod uncommitted_transaction;
mod unknown_allow;
mod unknown_object;
mod unused_allow;
mod update_without_where;
mod using_index_unsuitable;
mod vacuum_full;
mod validate_in_same_transaction;
mod validate_with_other_actions;
mod version_decreasing;
mod work_under_lock;

/// Every rule, in the order of `dblsp rules`: by name.
pub static RULES: &[&Rule] = &[
    &add_check_without_not_valid::RULE,
    &add_column_constrained_domain::RULE,
    &add_column_identity::RULE,
    &add_column_inline_check::RULE,
    &add_column_inline_fk::RULE,
    &add_column_inline_unique::RULE,
    &add_column_serial::RULE,
    &add_column_stored_generated::RULE,
    &add_column_unique_constant_default::RULE,
    &add_column_volatile_default::RULE,
    &add_exclusion_constraint::RULE,
    &add_fk_without_not_valid::RULE,
    &add_primary_key::RULE,
    &add_required_column::RULE,
    &add_unique_constraint::RULE,
    &already_exists::RULE,
    &backfill_under_lock::RULE,
    &change_column_type_rewrite::RULE,
    &concurrently_in_transaction::RULE,
    &concurrently_partitioned::RULE,
    &constraint_never_validated::RULE,
    &create_index_non_concurrent::RULE,
    &default_dropped_at_once::RULE,
    &delete_without_where::RULE,
    &drift::RULE,
    &drop_blocked::RULE,
    &drop_cascade::RULE,
    &drop_column::RULE,
    &drop_column_in_routine::RULE,
    &drop_database::RULE,
    &drop_index_non_concurrent::RULE,
    &drop_not_null::RULE,
    &drop_object::RULE,
    &drop_schema::RULE,
    &drop_table::RULE,
    &drop_used_in_routine::RULE,
    &duplicate_version::RULE,
    &edited_applied_migration::RULE,
    &enum_value_used_same_tx::RULE,
    &expansion_pack_coupling::RULE,
    &extension_in_public::RULE,
    &extension_missing::RULE,
    &fk_without_index::RULE,
    &forbidden_name_coupling::RULE,
    &function_search_path::RULE,
    &held_migration_would_be_pushed::RULE,
    &identifier_too_long::RULE,
    &index_if_not_exists_locks::RULE,
    &lock_timeout_missing::RULE,
    &loss_without_rollback::RULE,
    &managed_schema_ddl::RULE,
    &migration_name_invalid::RULE,
    &narrowing_type_change::RULE,
    &nested_begin::RULE,
    &newer_postgres_needed::RULE,
    &not_null_check_unvalidated::RULE,
    &out_of_order_migration::RULE,
    &partition_attach_scan::RULE,
    &partition_created_in_place::RULE,
    &partition_detach_blocking::RULE,
    &pk_using_index_nullable::RULE,
    &policy_always_true::RULE,
    &policy_calls_per_row::RULE,
    &policy_check_unwritten::RULE,
    &policy_for_public::RULE,
    &policy_without_row_security::RULE,
    &refresh_blocking::RULE,
    &reindex_non_concurrent::RULE,
    &rename_by_drop_and_add::RULE,
    &rename_column::RULE,
    &rename_table::RULE,
    &replace_function_resets_attributes::RULE,
    &replace_view_resets_options::RULE,
    &rls_disabled_in_exposed_schema::RULE,
    &rollback_fails::RULE,
    &rollback_in_migrations::RULE,
    &rollback_incomplete::RULE,
    &rollback_missing::RULE,
    &rollback_unanswered_todo::RULE,
    &rollback_unproven::RULE,
    &row_security_before_policies::RULE,
    &row_security_disabled::RULE,
    &row_security_without_policy::RULE,
    &security_definer_view::RULE,
    &sequence_behind_ids::RULE,
    &set_leaks::RULE,
    &set_not_null::RULE,
    &smoke_test_missing::RULE,
    &snapshots_read_as_declarative_schema::RULE,
    &stray_commit::RULE,
    &syntax_error::RULE,
    &table_without_primary_key::RULE,
    &transaction_forbidden::RULE,
    &transaction_split::RULE,
    &truncate::RULE,
    &type_change_blocked::RULE,
    &type_change_recheck::RULE,
    &uncommitted_transaction::RULE,
    &unknown_allow::RULE,
    &unknown_object::RULE,
    &unused_allow::RULE,
    &update_without_where::RULE,
    &using_index_unsuitable::RULE,
    &vacuum_full::RULE,
    &validate_in_same_transaction::RULE,
    &validate_with_other_actions::RULE,
    &version_decreasing::RULE,
    &work_under_lock::RULE,
];

#[cfg(test)]
mod tests;
